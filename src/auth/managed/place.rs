//! Which kind of machine this is, by the variables that it sets: the order is that of the official
//! libraries.

use std::path::Path;

use url::Url;

use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::host::is_loopback;

/// The address of every virtual machine's metadata service.
const METADATA_SERVICE: &str = "http://169.254.169.254";
const ARC_AGENT: &str = "http://localhost:40342/metadata/identity/oauth2/token";

/// Where tokens are lent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Its metadata service, or the one that stands for it in a cluster of containers.
    VirtualMachine(Url),
    AppService(Url),
    Arc(Url),
    CloudShell(Url),
}

/// A variable of this process that is set to something.
pub(in crate::auth) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Place {
    pub(super) fn of(variable: &impl Fn(&str) -> Option<String>) -> Result<Self> {
        let has = |name| variable(name).is_some();
        if let Some(endpoint) = variable("IDENTITY_ENDPOINT") {
            if has("IDENTITY_HEADER") && has("IDENTITY_SERVER_THUMBPRINT") {
                return Err(unsupported("Service Fabric"));
            }
            if has("IDENTITY_HEADER") {
                return Ok(Self::AppService(address("IDENTITY_ENDPOINT", &endpoint)?));
            }
            if has("IMDS_ENDPOINT") {
                return arc("IDENTITY_ENDPOINT", &endpoint);
            }
        } else if let Some(endpoint) = variable("MSI_ENDPOINT") {
            if has("MSI_SECRET") {
                return Err(unsupported("Azure Machine Learning"));
            }
            return Ok(Self::CloudShell(address("MSI_ENDPOINT", &endpoint)?));
        } else if has_arc_agent(variable) {
            return arc("the Azure Arc agent", ARC_AGENT);
        }
        const OTHER: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
        let host = variable(OTHER).unwrap_or_else(|| METADATA_SERVICE.to_owned());
        let mut url = address(OTHER, &host)?;
        url.set_path("/metadata/identity/oauth2/token");
        Ok(Self::VirtualMachine(url))
    }

    pub(super) fn url(&self) -> &Url {
        match self {
            Self::VirtualMachine(url)
            | Self::AppService(url)
            | Self::Arc(url)
            | Self::CloudShell(url) => url,
        }
    }
}

fn has_arc_agent(variable: &impl Fn(&str) -> Option<String>) -> bool {
    let windows = variable("ProgramFiles").filter(|_| cfg!(windows));
    match windows {
        Some(programs) => Path::new(&programs)
            .join("AzureConnectedMachineAgent/himds.exe")
            .exists(),
        None => Path::new("/opt/azcmagent/bin/himds").exists(),
    }
}

/// The agent is on this machine: it is shown a file of it.
fn arc(name: &str, text: &str) -> Result<Place> {
    let url = address(name, text)?;
    match url.host_str().is_some_and(is_loopback) {
        true => Ok(Place::Arc(url)),
        false => Err(config(format!("{name} is not an address of this machine"))),
    }
}

fn address(name: &str, text: &str) -> Result<Url> {
    let url = Url::parse(text).ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| config(format!("{name} is not an http or https URL")))
}

fn config(message: String) -> Error {
    Error::new(ErrorKind::Config, Step::AcquireToken, message)
}

fn unsupported(place: &str) -> Error {
    let message = format!("managed identities of {place} are not supported: use a token callback");
    Error::new(ErrorKind::Unsupported, Step::AcquireToken, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(variables: &[(&str, &str)]) -> Result<Place> {
        Place::of(&|name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_variables_say_which_machine_this_is() {
        let url = |text| Url::parse(text).unwrap();
        let own = ("IDENTITY_ENDPOINT", "http://127.0.0.1:41/msi/token");
        assert_eq!(
            place(&[]).unwrap(),
            Place::VirtualMachine(url("http://169.254.169.254/metadata/identity/oauth2/token"))
        );
        assert_eq!(
            place(&[("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1")]).unwrap(),
            Place::VirtualMachine(url("http://127.0.0.1:1/metadata/identity/oauth2/token"))
        );
        assert_eq!(
            place(&[own, ("IDENTITY_HEADER", "h")]).unwrap(),
            Place::AppService(url(own.1))
        );
        assert_eq!(
            place(&[own, ("IMDS_ENDPOINT", "http://localhost:2")]).unwrap(),
            Place::Arc(url(own.1))
        );
        assert_eq!(
            place(&[("MSI_ENDPOINT", "http://localhost:3/token")]).unwrap(),
            Place::CloudShell(url("http://localhost:3/token"))
        );
    }

    #[test]
    fn an_address_that_is_none_is_an_error_and_arc_is_this_machine() {
        for variables in [
            [("IDENTITY_ENDPOINT", "nonsense"), ("IDENTITY_HEADER", "h")],
            [
                ("IDENTITY_ENDPOINT", "http://evil.example/"),
                ("IMDS_ENDPOINT", "x"),
            ],
            [("MSI_ENDPOINT", "file:///etc/passwd"), ("x", "y")],
        ] {
            let error = place(&variables).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        }
        let fabric = [
            ("IDENTITY_ENDPOINT", "https://localhost:1"),
            ("IDENTITY_HEADER", "h"),
            ("IDENTITY_SERVER_THUMBPRINT", "t"),
        ];
        assert_eq!(place(&fabric).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
