//! The logins of Entra ID and of the machine around the program, as credentials.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use crate::callback::{UserData, kusto_drop_fn};
use crate::catalog::{
    KUSTO_IDENTITY_CLIENT_ID, KUSTO_IDENTITY_OBJECT_ID, KUSTO_IDENTITY_RESOURCE_ID,
    KUSTO_IDENTITY_SYSTEM, kusto_status,
};
use crate::credential::{filled, kusto_credential};
use crate::draft::{Login, Place};
use crate::error::kusto_error;
use crate::guard::guarded;
use crate::handle::{self, Out};
use crate::prompt::{kusto_prompt_fn, prompter};
use crate::text::{bytes, optional, text};
use kusto_ingest::auth::{
    ApplicationKey, Certificate, Chain, CommandLine, DefaultLogin, DeviceCode, EnvironmentLogin,
    Federated, IdentityId, Interactive, ManagedIdentity, OnBehalfOf, UserPassword,
    WorkloadIdentity,
};
use kusto_ingest::error::{Error, Result};
use kusto_ingest::secret::Secret;

fn give(out: Out<kusto_credential>, login: Login, tenant: Option<&str>) {
    let mut credential = kusto_credential::new(login);
    if let Some(tenant) = tenant.filter(|tenant| !tenant.trim().is_empty()) {
        credential.set_tenant(tenant);
    }
    out.give(credential);
}

/// A credential that logs in as an application of Entra ID with its secret. `tenant` is the id or the
/// domain of the application's tenant; NULL means that of the connection string (`Authority Id`).
///
/// Ownership: the caller frees `*out` with kusto_credential_free. The texts are copied.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then. Whether Entra ID accepts the secret shows with
/// the first call of a client.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_credential_app_key(
    tenant: *const c_char,
    tenant_len: usize,
    client_id: *const c_char,
    client_id_len: usize,
    key: *const c_char,
    key_len: usize,
    out: *mut *mut kusto_credential,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let tenant = optional(tenant, tenant_len, "tenant")?;
        let client_id = filled(text(client_id, client_id_len, "client_id")?, "client_id")?;
        let key = filled(text(key, key_len, "key")?, "key")?;
        let login = ApplicationKey::new(client_id, key);
        give(out, Login::Application(login.into()), tenant);
        Ok(())
    })
}

/// A credential that logs in as a user who enters a code on any device. `prompt` is called for each code, on a
/// thread of the library, and shows it. `tenant` is the id or the domain of the user's tenant;
/// NULL means that of the connection string (`Authority Id`), or any organisation. Later tokens come without the user, as
/// long as Entra ID allows it. A login that no call waits for is given up after 10 seconds.
///
/// Ownership: the caller frees `*out` with kusto_credential_free. Takes `user_data`, even when the call fails;
/// `drop` is called when the credential, every config it was set in and every client made from those are freed.
/// The text is copied.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_credential_device_code(
    tenant: *const c_char,
    tenant_len: usize,
    prompt: kusto_prompt_fn,
    user_data: *mut c_void,
    drop: kusto_drop_fn,
    out: *mut *mut kusto_credential,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let user_data = UserData::new(user_data, drop);
    guarded(err, move || {
        let out = Out::required(out, "out")?;
        let tenant = optional(tenant, tenant_len, "tenant")?;
        let show = prompter(prompt, user_data)?;
        give(out, Login::Device(DeviceCode::new(show)), tenant);
        Ok(())
    })
}

/// A credential that logs in as an application with a certificate: the text of a PEM file with the certificate and
/// its key, in any order, or a PFX file (in builds that have the feature `pfx`), also in base64. The key must be RSA of
/// 2048 to 4096 bits. `password` is that of a PFX file or of an encrypted key in PEM, else NULL. `tenant` is the id or
/// the domain of the application's tenant; NULL means that of the connection string (`Authority Id`).
/// kusto_credential_set has "send chain" and "thumbprint".
///
/// Ownership: the caller frees `*out` with kusto_credential_free. Texts and bytes are copied.
/// Threads: any. Deriving the key of a PFX file takes a moment, on purpose.
/// Failure: KUSTO_E_CONFIG for a file that cannot be read, a wrong password, and a key that does not fit;
/// KUSTO_E_UNSUPPORTED for a PFX file or an encrypted key in a build that cannot read it; KUSTO_E_INVALID_ARGUMENT.
/// `*out` is NULL then. A key without a certificate shows with the first call of a client, because "thumbprint" may
/// follow.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_credential_certificate(
    tenant: *const c_char,
    tenant_len: usize,
    client_id: *const c_char,
    client_id_len: usize,
    data: *const u8,
    data_len: usize,
    password: *const c_char,
    password_len: usize,
    out: *mut *mut kusto_credential,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let tenant = optional(tenant, tenant_len, "tenant")?;
        let client_id = filled(text(client_id, client_id_len, "client_id")?, "client_id")?;
        let data = bytes(data, data_len, "data")?;
        let password = optional(password, password_len, "password")?.map(Secret::from);
        let login = Certificate::new(client_id, data, password.as_ref())?;
        give(out, Login::Application(login.into()), tenant);
        Ok(())
    })
}

/// A credential that logs in as a user in a browser on this machine, which comes back to a port of its own on the
/// loopback addresses; it is open while the login waits, 5 minutes at the most. `prompt` gets the address, and opens it
/// or leaves that to the library; NULL means that the library opens it. `tenant` is the id or the domain of the
/// user's tenant; NULL means that of the connection string (`Authority Id`), or any organisation. `hint` is the user's
/// name, to be filled in, or NULL. Later tokens come without the user, as long as Entra ID allows it. A login that no
/// call waits for is given up after 10 seconds.
///
/// Ownership: the caller frees `*out` with kusto_credential_free. Takes `user_data`, even when the call fails;
/// `drop` is called when the credential, every config it was set in and every client made from those are freed.
/// The texts are copied.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_credential_interactive(
    tenant: *const c_char,
    tenant_len: usize,
    hint: *const c_char,
    hint_len: usize,
    prompt: kusto_prompt_fn,
    user_data: *mut c_void,
    drop: kusto_drop_fn,
    out: *mut *mut kusto_credential,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let user_data = UserData::new(user_data, drop);
    guarded(err, move || {
        let out = Out::required(out, "out")?;
        let tenant = optional(tenant, tenant_len, "tenant")?;
        let mut login = Interactive::new();
        if let Some(hint) = optional(hint, hint_len, "hint")?.filter(|hint| !hint.is_empty()) {
            login = login.with_hint(hint);
        }
        if prompt.is_some() {
            login = login.with_prompt(prompter(prompt, user_data)?);
        }
        give(out, Login::Interactive(login), tenant);
        Ok(())
    })
}

/// A credential that logs in as a user with a password, which Entra ID advises against: accounts with a second
/// factor and those of federated organisations cannot. `tenant` is the id or the domain of the user's tenant;
/// NULL means that of the connection string (`Authority Id`), or any organisation. A password that was refused is
/// not sent again.
///
/// Ownership: the caller frees `*out` with kusto_credential_free. The texts are copied.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then. Whether Entra ID accepts the password shows with the
/// first call of a client.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_credential_user_password(
    tenant: *const c_char,
    tenant_len: usize,
    user: *const c_char,
    user_len: usize,
    password: *const c_char,
    password_len: usize,
    out: *mut *mut kusto_credential,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let tenant = optional(tenant, tenant_len, "tenant")?;
        let user = filled(text(user, user_len, "user")?, "user")?;
        let password = filled(text(password, password_len, "password")?, "password")?;
        give(
            out,
            Login::Password(UserPassword::new(user, password)),
            tenant,
        );
        Ok(())
    })
}

/// A credential that logs in with an identity of the machine: of virtual machines, App Service, Functions,
/// Container Apps, Azure Arc, Cloud Shell. `kind` is one of KUSTO_IDENTITY_*; `id` is NULL for the system's.
///
/// Ownership: the caller frees `*out` with kusto_credential_free. The texts are copied.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then. Whether the machine has the identity shows with the
/// first call of a client.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_credential_managed_identity(
    kind: i32,
    id: *const c_char,
    id_len: usize,
    out: *mut *mut kusto_credential,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let id = identity(kind, optional(id, id_len, "id")?)?;
        give(
            out,
            Login::Fixed(Arc::new(ManagedIdentity::new(id)), Place::Own),
            None,
        );
        Ok(())
    })
}

fn identity(kind: i32, id: Option<&str>) -> Result<IdentityId> {
    let id = id.map(str::trim).filter(|id| !id.is_empty());
    let wrong = |message| Err(Error::invalid_argument("id", message));
    Ok(match (kind, id) {
        (KUSTO_IDENTITY_SYSTEM, None) => IdentityId::System,
        (KUSTO_IDENTITY_SYSTEM, Some(_)) => return wrong("must be NULL for the system's identity"),
        (KUSTO_IDENTITY_CLIENT_ID, Some(id)) => IdentityId::ClientId(id.to_owned()),
        (KUSTO_IDENTITY_OBJECT_ID, Some(id)) => IdentityId::ObjectId(id.to_owned()),
        (KUSTO_IDENTITY_RESOURCE_ID, Some(id)) => IdentityId::ResourceId(id.to_owned()),
        (1..=3, None) => return wrong("must not be empty"),
        _ => {
            return Err(Error::invalid_argument(
                "kind",
                "must be one of KUSTO_IDENTITY_*",
            ));
        }
    })
}

/// A credential that logs in as an application with a federated token in a file, which is read anew for every
/// login, as Kubernetes writes it. What is NULL comes from the environment: AZURE_TENANT_ID, AZURE_CLIENT_ID,
/// AZURE_FEDERATED_TOKEN_FILE; the tenant of the connection string (`Authority Id`) comes before that.
///
/// Ownership: the caller frees `*out` with kusto_credential_free. The texts are copied.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then. What is missing shows with the first call of a client.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_credential_workload_identity(
    tenant: *const c_char,
    tenant_len: usize,
    client_id: *const c_char,
    client_id_len: usize,
    file: *const c_char,
    file_len: usize,
    out: *mut *mut kusto_credential,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let tenant = optional(tenant, tenant_len, "tenant")?;
        let mut login = WorkloadIdentity::new();
        if let Some(id) =
            optional(client_id, client_id_len, "client_id")?.filter(|it| !it.is_empty())
        {
            login = login.with_client_id(id);
        }
        if let Some(file) = optional(file, file_len, "file")?.filter(|it| !it.is_empty()) {
            login = login.with_file(file);
        }
        give(out, Login::Fixed(Arc::new(login), Place::Any), tenant);
        Ok(())
    })
}

/// A credential that logs in as whoever is logged in to the Azure CLI (`az login`).
///
/// Ownership: the caller frees `*out` with kusto_credential_free.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_credential_azure_cli(
    out: *mut *mut kusto_credential,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        give(
            out,
            Login::Fixed(Arc::new(CommandLine::azure_cli()), Place::Tenant),
            None,
        );
        Ok(())
    })
}

/// A credential that logs in as whoever is logged in to the Azure Developer CLI (`azd auth login`).
///
/// Ownership: the caller frees `*out` with kusto_credential_free.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_credential_azure_developer_cli(
    out: *mut *mut kusto_credential,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        give(
            out,
            Login::Fixed(Arc::new(CommandLine::azure_developer_cli()), Place::Tenant),
            None,
        );
        Ok(())
    })
}

/// A credential that logs in as the variables of the official libraries say: AZURE_TENANT_ID, AZURE_CLIENT_ID and
/// one of AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH, or AZURE_USERNAME with AZURE_PASSWORD. They are read at every login.
///
/// Ownership: the caller frees `*out` with kusto_credential_free.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_credential_environment(
    out: *mut *mut kusto_credential,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        give(
            out,
            Login::Fixed(Arc::new(EnvironmentLogin::new()), Place::Any),
            None,
        );
        Ok(())
    })
}

/// A credential that logs in with the first of these that is at hand: the environment's variables, workload
/// identity, managed identity, the Azure CLI, the Azure Developer CLI. AZURE_TOKEN_CREDENTIALS narrows the choice, as
/// it does for the official libraries.
///
/// Ownership: the caller frees `*out` with kusto_credential_free.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_credential_default(
    out: *mut *mut kusto_credential,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        give(
            out,
            Login::Fixed(Arc::new(DefaultLogin::new()), Place::Any),
            None,
        );
        Ok(())
    })
}

/// A credential that logs in with the first of its parts that is at hand; kusto_credential_add adds them. A part
/// that is not configured here makes room for the next; one that is configured and refused ends the search.
///
/// Ownership: the caller frees `*out` with kusto_credential_free.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_credential_chain(
    out: *mut *mut kusto_credential,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        give(out, Login::Chain(Chain::new()), None);
        Ok(())
    })
}

/// Adds a part at the end of a chain. From then on `part` can no longer be set up.
///
/// Ownership: `part` is shared: the caller may free its own handle at any time.
/// Threads: one at a time for each credential.
/// Failure: KUSTO_E_INVALID_ARGUMENT for NULL, and for a credential that is no chain; KUSTO_E_INVALID_STATE for a
/// chain that is in use.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_credential_add(
    chain: *mut kusto_credential,
    part: *const kusto_credential,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        // Before the chain is borrowed to be changed: both may be the same handle.
        let part = handle::borrow(part, "part")?;
        if std::ptr::eq(part, chain) {
            return Err(Error::invalid_argument("part", "is the chain itself"));
        }
        let chain = handle::borrow_mut(chain, "chain")?;
        // Shared, and so settled, when nothing can fail any more.
        chain.change(|draft| draft.then(|| part.shared()))
    })
}

/// A credential that logs in as an application which trusts another issuer. `assertion` gives the other issuer's
/// tokens: a callback (kusto_credential_callback), a managed identity, any other; it is asked anew for each
/// login, with the scope `api://AzureADTokenExchange/.default`. `tenant` is that of the application; NULL means that of the connection string (`Authority Id`).
///
/// Ownership: the caller frees `*out` with kusto_credential_free. The texts are copied; `assertion` is shared.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_credential_federated(
    tenant: *const c_char,
    tenant_len: usize,
    client_id: *const c_char,
    client_id_len: usize,
    assertion: *const kusto_credential,
    out: *mut *mut kusto_credential,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let tenant = optional(tenant, tenant_len, "tenant")?;
        let client_id = filled(text(client_id, client_id_len, "client_id")?, "client_id")?;
        let assertion = handle::borrow(assertion, "assertion")?.shared();
        let login = Federated::new(client_id, assertion);
        give(out, Login::Application(login.into()), tenant);
        Ok(())
    })
}

/// A credential that logs in as the user on whose behalf an application works: it exchanges `user_token`, with which
/// the user has called the application, for one of the cluster. `application` is a credential of
/// kusto_credential_app_key, kusto_credential_certificate or kusto_credential_federated. One credential is for one
/// user.
///
/// Ownership: the caller frees `*out` with kusto_credential_free. The text is copied; `application` is not changed
/// and may be used for other users.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_credential_on_behalf_of(
    application: *const kusto_credential,
    user_token: *const c_char,
    user_token_len: usize,
    out: *mut *mut kusto_credential,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let application = handle::borrow(application, "application")?;
        let user_token = filled(
            text(user_token, user_token_len, "user_token")?,
            "user_token",
        )?;
        let draft = application
            .draft()
            .on_behalf_of(|it| OnBehalfOf::new(it, user_token))?;
        out.give(kusto_credential::of(draft));
        Ok(())
    })
}
