//! A credential while it is set up.

use std::sync::Arc;

use kusto_ingest::auth::{
    AccessToken, Application, Chain, DeviceCode, Interactive, OnBehalfOf, TokenCredential,
    TokenRequest, UserPassword,
};
use kusto_ingest::error::{Error, Result};

/// A login; those that have settings of their own, by what they are.
#[derive(Clone, Debug)]
pub(crate) enum Login {
    Fixed(Arc<dyn TokenCredential>, Place),
    Application(Application),
    Password(UserPassword),
    Device(DeviceCode),
    Interactive(Interactive),
    Chain(Chain),
}

/// What a login that has no settings of its own can be told of its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing: its token is given, or it is the machine's.
    Own,
    /// The tenant.
    Tenant,
    /// The tenant and the login host.
    Any,
}

/// A login, with what every login can be told.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    login: Login,
    tenant: Option<String>,
    authority: Option<String>,
}

impl Draft {
    pub(crate) fn new(login: Login) -> Self {
        Self {
            login,
            tenant: None,
            authority: None,
        }
    }

    pub(crate) fn set_tenant(&mut self, tenant: &str) {
        self.tenant = Some(tenant.to_owned());
    }

    /// With this setting.
    pub(crate) fn set(mut self, key: &str, value: &str) -> Result<Self> {
        let name: String = key.chars().filter(|c| !c.is_whitespace()).collect();
        if value.trim().is_empty() {
            return Err(Error::invalid_argument(key, "must not be empty"));
        }
        let name = name.to_lowercase();
        self.login.check_place(&name)?;
        match name.as_str() {
            "tenant" => self.tenant = Some(value.to_owned()),
            "authority" => self.authority = Some(value.to_owned()),
            "clientid" => self.login = self.login.with_client_id(value)?,
            "sendchain" => self.login = self.login.with_chain(value)?,
            "thumbprint" => self.login = self.login.with_thumbprint(value)?,
            "prompt" => self.login = self.login.with_prompts(value)?,
            "devicecode" => self.login = self.login.with_device_code(value)?,
            _ => {
                let message = "is no setting of a credential: tenant, authority, client id, prompt, \
                               device code, send chain, thumbprint";
                return Err(Error::invalid_argument(key, message));
            }
        }
        Ok(self)
    }

    /// With another part at the end of a chain.
    pub(crate) fn then(mut self, part: impl FnOnce() -> Arc<dyn TokenCredential>) -> Result<Self> {
        let Login::Chain(chain) = self.login else {
            return Err(Error::invalid_argument("chain", "is no chain"));
        };
        self.login = Login::Chain(chain.then(part()));
        Ok(self)
    }

    /// The same application for a user.
    pub(crate) fn on_behalf_of(&self, of: impl FnOnce(Application) -> OnBehalfOf) -> Result<Self> {
        let Login::Application(application) = &self.login else {
            let message = "must be a credential of an application";
            return Err(Error::invalid_argument("application", message));
        };
        Ok(Self {
            login: Login::Fixed(Arc::new(of(application.clone())), Place::Any),
            ..self.clone()
        })
    }

    pub(crate) fn make(&self) -> Arc<dyn TokenCredential> {
        let login = self.login.make();
        match (&self.tenant, &self.authority) {
            (None, None) => login,
            (tenant, authority) => Arc::new(Placed {
                login,
                tenant: tenant.clone(),
                authority: authority.clone(),
            }),
        }
    }
}

impl Login {
    fn make(&self) -> Arc<dyn TokenCredential> {
        match self.clone() {
            Self::Fixed(login, _) => login,
            Self::Application(login) => Arc::new(login),
            Self::Password(login) => Arc::new(login),
            Self::Device(login) => Arc::new(login),
            Self::Interactive(login) => Arc::new(login),
            Self::Chain(login) => Arc::new(login),
        }
    }

    /// Refuses what would change nothing.
    fn check_place(&self, name: &str) -> Result<()> {
        let refused = match (self, name) {
            (Self::Fixed(_, Place::Own), "tenant" | "authority") => true,
            (Self::Fixed(_, place), "authority") => *place != Place::Any,
            _ => false,
        };
        match refused {
            true => Err(other(name)),
            false => Ok(()),
        }
    }

    fn with_client_id(self, id: &str) -> Result<Self> {
        Ok(match self {
            Self::Password(login) => Self::Password(login.with_client_id(id)),
            Self::Device(login) => Self::Device(login.with_client_id(id)),
            Self::Interactive(login) => Self::Interactive(login.with_client_id(id)),
            _ => return Err(other("client id")),
        })
    }

    fn with_prompts(self, value: &str) -> Result<Self> {
        let allowed = match value.trim().to_ascii_lowercase().as_str() {
            "auto" => true,
            "never" => false,
            _ => return Err(Error::invalid_argument("prompt", "must be auto or never")),
        };
        Ok(match self {
            Self::Device(login) => Self::Device(login.with_prompts(allowed)),
            Self::Interactive(login) => Self::Interactive(login.with_prompts(allowed)),
            _ => return Err(other("prompt")),
        })
    }
}

impl Login {
    fn with_device_code(self, value: &str) -> Result<Self> {
        let allowed = truth("device code", value)?;
        match self {
            Self::Interactive(login) => Ok(Self::Interactive(login.with_device_code(allowed))),
            _ => Err(other("device code")),
        }
    }

    fn with_chain(self, value: &str) -> Result<Self> {
        let sent = truth("send chain", value)?;
        match self {
            Self::Application(Application::Certificate(login)) => {
                Ok(Self::Application(login.with_chain(sent).into()))
            }
            _ => Err(other("send chain")),
        }
    }

    fn with_thumbprint(self, value: &str) -> Result<Self> {
        match self {
            Self::Application(Application::Certificate(login)) => {
                Ok(Self::Application(login.with_thumbprint(value)?.into()))
            }
            _ => Err(other("thumbprint")),
        }
    }
}

fn truth(key: &str, value: &str) -> Result<bool> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Error::invalid_argument(key, "must be true or false")),
    }
}

fn other(key: &str) -> Error {
    Error::invalid_argument(key, "is a setting of other logins than this one")
}

/// A login in a tenant, or at a login host, of the program's choice.
#[derive(Debug)]
struct Placed {
    login: Arc<dyn TokenCredential>,
    tenant: Option<String>,
    authority: Option<String>,
}

impl TokenCredential for Placed {
    fn get_token<'s, 'r, 'f>(
        &'s self,
        request: &'r TokenRequest,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<AccessToken>> + Send + 'f>>
    where
        's: 'f,
        'r: 'f,
        Self: 'f,
    {
        let mut request = request.clone();
        if let Some(tenant) = &self.tenant {
            request = request.with_tenant(tenant);
        }
        if let Some(authority) = &self.authority {
            request = request.with_login_endpoint(authority);
        }
        Box::pin(async move { self.login.get_token(&request).await })
    }
}
