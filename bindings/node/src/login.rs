//! Logins of the library, as JavaScript describes them.

use std::sync::Arc;

use kusto_ingest::auth::{
    Application, ApplicationKey, Certificate, Chain, CommandLine, DefaultLogin, EnvironmentLogin,
    Federated, IdentityId, ManagedIdentity, OnBehalfOf, StaticToken, TokenCredential,
    WorkloadIdentity,
};
use kusto_ingest::error::{Error, ErrorKind, Result, Step};
use kusto_ingest::secret::Secret;
use napi_derive::napi;

use crate::realm::Realm;
use crate::token;

/// A login. `kind` decides which of the others it has.
#[napi(object, object_to_js = false)]
pub struct NativeLogin {
    /// What it is, by one of the names that `Maker::login` knows.
    pub kind: String,
    /// The tenant; without it that of the connection string.
    pub tenant: Option<String>,
    /// The application's, or the machine identity's.
    pub client_id: Option<String>,
    /// The machine identity's.
    pub object_id: Option<String>,
    /// The machine identity's.
    pub resource_id: Option<String>,
    /// A key, a token, or a password.
    pub secret: Option<String>,
    /// A certificate in PEM, or PFX in base64.
    pub certificate: Option<String>,
    /// Whether the certificate is sent along.
    pub sends_chain: Option<bool>,
    /// The file with a federated token.
    pub file: Option<String>,
    /// Which function of the client gives tokens.
    pub asker: Option<u32>,
    /// The logins that it is made of.
    pub parts: Option<Vec<NativeLogin>>,
}

impl NativeLogin {
    fn client_id(&self) -> String {
        self.client_id.clone().unwrap_or_default()
    }

    fn secret(&self) -> Secret {
        Secret::from(self.secret.as_deref().unwrap_or_default())
    }

    fn parts(&self) -> &[NativeLogin] {
        self.parts.as_deref().unwrap_or_default()
    }

    fn part(&self) -> Result<&NativeLogin> {
        self.parts().first().ok_or_else(|| unknown(&self.kind))
    }
}

/// Makes the logins of the client with this id, whose JavaScript side has their functions.
pub(crate) struct Maker {
    pub(crate) realm: Arc<Realm>,
    pub(crate) client: u32,
}

impl Maker {
    pub(crate) fn login(&self, plan: &NativeLogin) -> Result<Arc<dyn TokenCredential>> {
        Ok(match plan.kind.as_str() {
            "token" => Arc::new(StaticToken::new(plan.secret())),
            "callback" => self.callback(plan),
            "workload" => Arc::new(workload(plan)),
            "on behalf of" => Arc::new(OnBehalfOf::new(
                self.application(plan.part()?)?,
                plan.secret(),
            )),
            "chain" => Arc::new(self.chain(plan)?),
            "machine" => Arc::new(ManagedIdentity::new(identity(plan))),
            "environment" => Arc::new(EnvironmentLogin::new()),
            "az" => Arc::new(CommandLine::azure_cli()),
            "azd" => Arc::new(CommandLine::azure_developer_cli()),
            "default" => Arc::new(DefaultLogin::new()),
            _ => Arc::new(self.application(plan)?),
        })
    }

    fn callback(&self, plan: &NativeLogin) -> Arc<dyn TokenCredential> {
        let asker = plan.asker.unwrap_or_default();
        Arc::new(token::callback(self.realm.clone(), self.client, asker))
    }

    fn chain(&self, plan: &NativeLogin) -> Result<Chain> {
        let add = |chain: Chain, part| Ok(chain.then(self.login(part)?));
        plan.parts().iter().try_fold(Chain::new(), add)
    }

    fn application(&self, plan: &NativeLogin) -> Result<Application> {
        let id = plan.client_id();
        let mut application = match plan.kind.as_str() {
            "secret" => ApplicationKey::new(id, plan.secret()).into(),
            "certificate" => certificate(plan)?.into(),
            "federated" => Federated::new(id, self.login(plan.part()?)?).into(),
            other => return Err(unknown(other)),
        };
        if let Some(tenant) = plan.tenant.as_deref() {
            application = match application {
                Application::Key(it) => it.with_tenant(tenant).into(),
                Application::Certificate(it) => it.with_tenant(tenant).into(),
                Application::Federated(it) => it.with_tenant(tenant).into(),
                other => other,
            };
        }
        Ok(application)
    }
}

fn certificate(plan: &NativeLogin) -> Result<Certificate> {
    let file = plan.certificate.as_deref().unwrap_or_default();
    let password = plan.secret.as_deref().map(Secret::from);
    let read = Certificate::new(plan.client_id(), file.as_bytes(), password.as_ref())?;
    Ok(read.with_chain(plan.sends_chain == Some(true)))
}

fn workload(plan: &NativeLogin) -> WorkloadIdentity {
    let mut login = WorkloadIdentity::new();
    if let Some(tenant) = &plan.tenant {
        login = login.with_tenant(tenant);
    }
    if let Some(id) = &plan.client_id {
        login = login.with_client_id(id);
    }
    if let Some(file) = &plan.file {
        login = login.with_file(file);
    }
    login
}

fn identity(plan: &NativeLogin) -> IdentityId {
    match (&plan.client_id, &plan.object_id, &plan.resource_id) {
        (Some(id), ..) => IdentityId::ClientId(id.clone()),
        (_, Some(id), _) => IdentityId::ObjectId(id.clone()),
        (.., Some(id)) => IdentityId::ResourceId(id.clone()),
        _ => IdentityId::System,
    }
}

fn unknown(kind: &str) -> Error {
    let message = format!("unknown login: {kind}");
    Error::new(ErrorKind::Internal, Step::CheckArguments, message)
}
