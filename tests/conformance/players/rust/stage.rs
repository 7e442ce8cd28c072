//! Clients and operations of a scenario, and the verbs on them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kusto_ingest::auth::{
    AccessToken, Chain, Credential, DeviceCode, EnvironmentLogin, Federated, IdentityId,
    Interactive, ManagedIdentity, OnBehalfOf, Prompted, StaticToken, TokenCallback,
    TokenCredential,
};
use kusto_ingest::error::Error;
use kusto_ingest::prelude::*;

use crate::Defect;
use crate::answer::{self, Fields};
use crate::catalog::OUTCOMES;
use crate::ingest::{Started, limits, start};
use crate::message::{Message, meaning};

const TOKEN: &str = "a-token";
/// The time between two polls of the status.
const POLL: Duration = Duration::from_millis(20);

/// The result of a verb: the fields of its answer, or the library's error.
type Act = Result<Result<Fields, Error>, Defect>;

/// A named call or ingestion that runs in the background.
enum Running {
    Ingestion(Started),
    Call(Operation<Fields>),
}

#[derive(Default)]
pub(crate) struct Stage {
    clients: HashMap<String, Client>,
    running: HashMap<String, Running>,
}

impl Stage {
    pub(crate) async fn act(&mut self, told: &Message) -> Act {
        match told.kind.as_str() {
            "client" => self.make_client(told),
            "start" => self.start(told),
            "wait" => self.wait(told).await,
            "cancel" => self.cancel(told),
            "track" => self.track(told).await,
            "outcomes" => self.outcomes(told).await,
            "execute" => self.execute(told).await,
            "warm_up" => self.warm_up(told).await,
            "close" => self.close(told).await,
            "reset" => self.reset(told).await,
            other => Err(format!("unknown verb {other}")),
        }
    }

    fn client(&self, told: &Message) -> Result<&Client, Defect> {
        let name = told.need("client")?;
        let client = self.clients.get(name);
        client.ok_or_else(|| format!("{}: no client {name}", told.kind))
    }

    fn running(&self, told: &Message) -> Result<&Running, Defect> {
        let name = told.need("op")?;
        let running = self.running.get(name);
        running.ok_or_else(|| format!("{}: no operation {name}", told.kind))
    }

    /// Of an ingestion that has ended well.
    fn receipt(&self, told: &Message) -> Result<Receipt, Defect> {
        match self.running(told)? {
            Running::Ingestion(started) => match started.operation.result() {
                Some(Ok(receipt)) => Ok(receipt),
                _ => Err(format!("{}: the operation has no receipt", told.kind)),
            },
            Running::Call(_) => Err(format!("{}: the operation is no ingestion", told.kind)),
        }
    }

    /// Makes the call, or begins it in the background if it has a name.
    async fn call<Work>(
        &mut self,
        told: &Message,
        limits: CallOptions,
        call: impl FnOnce(CallOptions) -> Work,
    ) -> Act
    where
        Work: Future<Output = Result<Fields, Error>> + Send + 'static,
    {
        let Some(name) = told.get("as") else {
            return Ok(call(limits).await);
        };
        let call = Running::Call(Operation::spawn(limits, call));
        self.running.insert(name.to_owned(), call);
        Ok(Ok(Vec::new()))
    }

    fn make_client(&mut self, told: &Message) -> Act {
        told.only(&[
            "client",
            "connection",
            "login",
            "application",
            "file",
            "setting",
        ])?;
        let connection = told.need("connection")?;
        let login = login(told)?;
        let settings = told.pairs("setting")?;
        let name = told.need("client")?.to_owned();
        Ok(build(connection, login, &settings).map(|client| {
            self.clients.insert(name, client);
            Vec::new()
        }))
    }

    fn start(&mut self, told: &Message) -> Act {
        let started = start(self.client(told)?, told)?;
        let name = told.need("op")?.to_owned();
        Ok(started.map(|started| {
            self.running.insert(name, Running::Ingestion(started));
            Vec::new()
        }))
    }

    async fn wait(&self, told: &Message) -> Act {
        told.only(&["op"])?;
        Ok(match self.running(told)? {
            Running::Ingestion(started) => {
                let ended = started.operation.wait().await;
                ended.map(|receipt| answer::receipt(&receipt, started.progress()))
            }
            Running::Call(call) => call.wait().await,
        })
    }

    fn cancel(&self, told: &Message) -> Act {
        told.only(&["op"])?;
        match self.running(told)? {
            Running::Ingestion(started) => started.operation.cancel(),
            Running::Call(call) => call.cancel(),
        }
        Ok(Ok(Vec::new()))
    }

    async fn track(&mut self, told: &Message) -> Act {
        told.only(&["client", "op", "final", "timeout", "as"])?;
        let client = self.client(told)?.clone();
        let receipt = self.receipt(told)?;
        let until_final = told.flag("final");
        self.call(told, limits(told)?, |limits| async move {
            let token = receipt.tracking_token();
            let report = match until_final {
                true => client.track_until_final(token, POLL, limits).await,
                false => client.track(token, limits).await,
            };
            report.map(|report| answer::report(&report))
        })
        .await
    }

    async fn outcomes(&mut self, told: &Message) -> Act {
        told.only(&["client", "op", "how", "which", "max", "timeout", "as"])?;
        let client = self.client(told)?.clone();
        let which = meaning(OUTCOMES, told.need("which")?)?;
        let take = match told.need("how")? {
            "peek" => false,
            "take" => true,
            other => return Err(format!("unknown way {other}")),
        };
        let receipt = self.receipt(told)?;
        let query = OutcomeQuery::new(which)
            .with_limit(told.number("max")?.unwrap_or(32))
            .only(receipt.items().iter().map(|item| item.source_id));
        self.call(told, limits(told)?, |limits| async move {
            let report = match take {
                true => client.take_outcomes(&query, limits).await,
                false => client.peek_outcomes(&query, limits).await,
            };
            report.map(|report| answer::report(&report))
        })
        .await
    }

    async fn execute(&mut self, told: &Message) -> Act {
        told.only(&[
            "client",
            "database",
            "text",
            "parameter",
            "option",
            "timeout",
            "cancelled",
            "as",
        ])?;
        let mut properties = RequestProperties::new();
        for (name, value) in told.pairs("parameter")? {
            properties = properties.with_parameter(name, value);
        }
        for (name, value) in told.pairs("option")? {
            let value =
                serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::from(value));
            properties = properties.with_option(name, value);
        }
        let client = self.client(told)?.clone();
        let (database, text) = (told.need("database")?, told.need("text")?);
        self.call(told, limits(told)?, |limits| {
            let answered = client.execute(database, text, &properties, limits);
            async move { answered.await.map(|data| answer::rows(&data)) }
        })
        .await
    }

    async fn warm_up(&mut self, told: &Message) -> Act {
        told.only(&["client", "timeout", "as"])?;
        let client = self.client(told)?.clone();
        self.call(told, limits(told)?, |limits| async move {
            client.warm_up(limits).await.map(|()| Vec::new())
        })
        .await
    }

    async fn close(&mut self, told: &Message) -> Act {
        told.only(&["client", "timeout", "as"])?;
        let patience = Duration::from_millis(told.number("timeout")?.unwrap_or(0));
        let client = self.client(told)?.clone();
        self.call(told, CallOptions::new(), |_| async move {
            let _left = client.close(patience).await;
            Ok(Vec::new())
        })
        .await
    }

    async fn reset(&mut self, told: &Message) -> Act {
        told.only(&[])?;
        for client in self.clients.values() {
            client.close(Duration::ZERO).await;
        }
        self.running.clear();
        self.clients.clear();
        Ok(Ok(Vec::new()))
    }
}

fn build(
    connection: &str,
    login: Option<Arc<dyn TokenCredential>>,
    settings: &[(&str, &str)],
) -> Result<Client, Error> {
    let mut builder = Client::builder(connection)?;
    for (name, value) in settings {
        builder = builder.set(name, value)?;
    }
    match login {
        Some(login) => builder.credential(login).build(),
        None => builder.build(),
    }
}

fn login(told: &Message) -> Result<Option<Arc<dyn TokenCredential>>, Defect> {
    Ok(Some(match told.need("login")? {
        "none" => return Ok(None),
        "callback" => Arc::new(TokenCallback::new(|pending| {
            pending.complete(AccessToken::new(TOKEN, None));
        })),
        "failing" => Arc::new(TokenCallback::new(|pending| {
            pending.fail(false, "no login today");
        })),
        "token" => Arc::new(StaticToken::new(TOKEN)),
        "federated" => Arc::new(federated(told)?),
        "on_behalf_of" => Arc::new(OnBehalfOf::new(federated(told)?, "no-token")),
        "chain" => Arc::new(
            Chain::new()
                .then(Arc::new(EnvironmentLogin::new()))
                .then(Arc::new(ManagedIdentity::new(IdentityId::System))),
        ),
        "interactive" => Arc::new(Interactive::new()),
        // The driver plays the user, who needs no prompt.
        "device" => Arc::new(DeviceCode::new(|_| Ok(Prompted::Shown))),
        login => return Err(format!("unknown login {login}")),
    }))
}

/// An application whose assertion is the text of the message's file.
fn federated(told: &Message) -> Result<Federated, Defect> {
    let file = told.need("file")?.to_owned();
    let assertion = Credential::from_fn(async move |_| {
        let text = std::fs::read_to_string(&file)?;
        Ok(AccessToken::new(text, None))
    });
    Ok(Federated::new(told.need("application")?, assertion))
}
