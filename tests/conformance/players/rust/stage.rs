//! Clients and operations of a scenario, and what is done with them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kusto_ingest::auth::{AccessToken, StaticToken, TokenCallback};
use kusto_ingest::error::Error;
use kusto_ingest::prelude::*;

use crate::Defect;
use crate::answer::{self, Fields};
use crate::ingest::{Started, limits, start};
use crate::message::Message;

const TOKEN: &str = "a-token";
/// Between two looks at the status.
const POLL: Duration = Duration::from_millis(20);

/// What a verb came to: the fields of its answer, or the library's error.
type Act = Result<Result<Fields, Error>, Defect>;

#[derive(Default)]
pub(crate) struct Stage {
    clients: HashMap<String, Client>,
    operations: HashMap<String, Started>,
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

    fn operation(&self, told: &Message) -> Result<&Started, Defect> {
        let name = told.need("op")?;
        let operation = self.operations.get(name);
        operation.ok_or_else(|| format!("{}: no operation {name}", told.kind))
    }

    fn make_client(&mut self, told: &Message) -> Act {
        told.only(&["client", "connection", "login", "setting"])?;
        let (connection, login) = (told.need("connection")?, told.need("login")?);
        if !["none", "callback", "failing", "token"].contains(&login) {
            return Err(format!("unknown login {login}"));
        }
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
            self.operations.insert(name, started);
            Vec::new()
        }))
    }

    async fn wait(&self, told: &Message) -> Act {
        told.only(&["op"])?;
        let started = self.operation(told)?;
        let ended = started.operation.wait().await;
        Ok(ended.map(|receipt| answer::receipt(&receipt, started.progress())))
    }

    fn cancel(&self, told: &Message) -> Act {
        told.only(&["op"])?;
        self.operation(told)?.operation.cancel();
        Ok(Ok(Vec::new()))
    }

    async fn track(&self, told: &Message) -> Act {
        told.only(&["client", "op", "final", "timeout"])?;
        let (client, limits) = (self.client(told)?, limits(told)?);
        let receipt = match self.operation(told)?.operation.result() {
            Some(Ok(receipt)) => receipt,
            _ => return Err("track: the operation has no receipt".to_owned()),
        };
        let token = receipt.tracking_token();
        let report = match told.flag("final") {
            true => client.wait_until_final(token, POLL, limits).await,
            false => client.status(token, limits).await,
        };
        Ok(report.map(|report| answer::report(&report)))
    }

    async fn outcomes(&self, told: &Message) -> Act {
        told.only(&["client", "op", "how", "which", "max", "timeout"])?;
        let (client, limits) = (self.client(told)?, limits(told)?);
        let which = match told.need("which")? {
            "failures" => Outcome::Failures,
            "successes" => Outcome::Successes,
            other => return Err(format!("unknown outcomes {other}")),
        };
        let receipt = match self.operation(told)?.operation.result() {
            Some(Ok(receipt)) => receipt,
            _ => return Err("outcomes: the operation has no receipt".to_owned()),
        };
        let query = OutcomeQuery::new(which)
            .with_limit(told.number("max")?.unwrap_or(32))
            .only(receipt.items().iter().map(|item| item.source_id));
        let report = match told.need("how")? {
            "peek" => client.peek_outcomes(&query, limits).await,
            "take" => client.take_outcomes(&query, limits).await,
            other => return Err(format!("unknown way {other}")),
        };
        Ok(report.map(|report| answer::report(&report)))
    }

    async fn execute(&self, told: &Message) -> Act {
        told.only(&[
            "client",
            "database",
            "text",
            "parameter",
            "option",
            "timeout",
            "cancelled",
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
        let (database, text) = (told.need("database")?, told.need("text")?);
        let answered = self
            .client(told)?
            .execute(database, text, &properties, limits(told)?)
            .await;
        Ok(answered.map(|data| answer::rows(&data)))
    }

    async fn warm_up(&self, told: &Message) -> Act {
        told.only(&["client", "timeout"])?;
        let warmed = self.client(told)?.warm_up(limits(told)?).await;
        Ok(warmed.map(|()| Vec::new()))
    }

    async fn close(&self, told: &Message) -> Act {
        told.only(&["client", "timeout"])?;
        let patience = told.number("timeout")?.unwrap_or(0);
        let _left = self
            .client(told)?
            .close(Duration::from_millis(patience))
            .await;
        Ok(Ok(Vec::new()))
    }

    async fn reset(&mut self, told: &Message) -> Act {
        told.only(&[])?;
        for client in self.clients.values() {
            client.close(Duration::ZERO).await;
        }
        self.operations.clear();
        self.clients.clear();
        Ok(Ok(Vec::new()))
    }
}

fn build(connection: &str, login: &str, settings: &[(&str, &str)]) -> Result<Client, Error> {
    let mut builder = Client::builder(connection)?;
    for (name, value) in settings {
        builder = builder.set(name, value)?;
    }
    builder = match login {
        "callback" => builder.credential(Arc::new(TokenCallback::new(|pending| {
            pending.complete(AccessToken::new(TOKEN, None));
        }))),
        "failing" => builder.credential(Arc::new(TokenCallback::new(|pending| {
            pending.fail(false, "no login today");
        }))),
        "token" => builder.credential(Arc::new(StaticToken::new(TOKEN))),
        _ => builder,
    };
    builder.build()
}
