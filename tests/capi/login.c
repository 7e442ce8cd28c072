/* Tokens on their way to a service: the emulator takes any, this machine's addresses are trusted. */
#include "harness.h"

#include <pthread.h>

struct login {
    int asked, dropped;
    /* How `ask` answers: at once, from a separate thread, or with a failure. */
    enum { AT_ONCE, LATER, REFUSED } manner;
};

static void *answer_later(void *request)
{
    kusto_token_request_complete(request, "a-token", KUSTO_CSTR, (int64_t)time(NULL) + 3600);
    return NULL;
}

static void ask(void *user_data, kusto_token_request *request)
{
    struct login *login = user_data;
    pthread_t thread;
    __sync_fetch_and_add(&login->asked, 1);
    CHECK(strstr(kusto_token_request_scope(request, NULL), "/.default") != NULL);
    if (login->manner == REFUSED)
        kusto_token_request_fail(request, 0, "no login today", KUSTO_CSTR);
    else if (login->manner == AT_ONCE)
        answer_later(request);
    else if (CHECK(pthread_create(&thread, NULL, answer_later, request) == 0))
        pthread_detach(thread);
}

static void dropped(void *user_data)
{
    __sync_fetch_and_add(&((struct login *)user_data)->dropped, 1);
}

static kusto_client *client_with(const kusto_credential *credential)
{
    kusto_config *config = NULL;
    kusto_client *client = NULL;
    CHECK_OK(kusto_config_parse(connection(), KUSTO_CSTR, &config, &err));
    CHECK_OK(kusto_config_set_credential(config, credential, &err));
    CHECK_OK(kusto_client_new(config, &client, &err));
    kusto_config_free(config);
    return client;
}

static kusto_client *client_that_asks(struct login *login)
{
    kusto_credential *credential = NULL;
    kusto_client *client;
    CHECK_OK(kusto_credential_callback(ask, login, dropped, &credential, &err));
    client = client_with(credential);
    kusto_credential_free(credential);
    return client;
}

static void a_fixed_token_is_sent(void)
{
    kusto_credential *credential = NULL;
    kusto_client *client;
    CHECK_OK(kusto_credential_token("a-token", KUSTO_CSTR, &credential, &err));
    client = client_with(credential);
    kusto_credential_free(credential);
    CHECK(number(client, "print 7") == 7);
    kusto_client_free(client);
}

static void a_callback_is_asked_once_and_dropped_once(int manner)
{
    struct login login = {0, 0, AT_ONCE};
    kusto_client *client;
    login.manner = manner == LATER ? LATER : AT_ONCE;
    client = client_that_asks(&login);
    CHECK(number(client, "print 1") == 1 && number(client, "print 2") == 2);
    CHECK_OK(kusto_client_warm_up(client, PATIENCE, &err));
    CHECK(read_count(&login.asked) == 1 && read_count(&login.dropped) == 0);
    kusto_client_free(client);
    CHECK(reaches(&login.dropped, 1));
}

static void an_answer_at_once(void) { a_callback_is_asked_once_and_dropped_once(AT_ONCE); }

static void an_answer_from_another_thread(void) { a_callback_is_asked_once_and_dropped_once(LATER); }

static void a_refusal_is_an_error_of_the_login(void)
{
    struct login login = {0, 0, REFUSED};
    kusto_client *client = client_that_asks(&login);
    kusto_error *error = NULL;
    CHECK(kusto_client_warm_up(client, PATIENCE, &error) == KUSTO_E_AUTH);
    CHECK(is(kusto_error_step(error, NULL), "acquire token"));
    CHECK(strstr(kusto_error_message(error, NULL), "no login today") != NULL);
    CHECK(kusto_error_retry(error) == KUSTO_RETRY_NEVER && !kusto_error_in_doubt(error));
    kusto_error_free(error);
    kusto_client_free(client);
    CHECK(reaches(&login.dropped, 1));
}

/* Nothing is sent: the emulator has no login host. */
static void an_application_names_its_tenant(void)
{
    kusto_credential *credential = NULL;
    kusto_client *client;
    kusto_error *error = NULL;
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_credential_app_key("t", KUSTO_CSTR, "", KUSTO_CSTR, "k", KUSTO_CSTR, &credential, &err));
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_credential_app_key("t", KUSTO_CSTR, "i", KUSTO_CSTR, NULL, 0, &credential, &err));
    CHECK(credential == NULL);
    CHECK_OK(kusto_credential_app_key(NULL, 0, "id", KUSTO_CSTR, "the-secret", KUSTO_CSTR, &credential, &err));
    client = client_with(credential);
    kusto_credential_free(credential);
    CHECK(kusto_client_warm_up(client, PATIENCE, &error) == KUSTO_E_CONFIG);
    CHECK(is(kusto_error_argument(error, NULL), "Authority Id"));
    kusto_error_free(error);
    kusto_client_free(client);
}

static int32_t show(void *user_data, int32_t kind, const char *url, size_t url_len, const char *code, size_t code_len,
                    const char *message, size_t message_len, int64_t expires_on)
{
    (void)user_data, (void)kind, (void)url, (void)url_len, (void)code, (void)code_len, (void)message, (void)message_len;
    return expires_on > 0 ? KUSTO_PROMPTED_SHOWN : -1;
}

static void a_credential_is_set_up_before_its_first_use(void)
{
    struct login life = {0, 0, AT_ONCE};
    kusto_credential *device = NULL, *chain = NULL;
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_credential_device_code(NULL, 0, NULL, &life, dropped, &device, &err));
    CHECK(device == NULL && read_count(&life.dropped) == 1);
    CHECK_OK(kusto_credential_device_code(NULL, 0, show, &life, dropped, &device, &err));
    CHECK_OK(kusto_credential_set(device, "Client Id", KUSTO_CSTR, "an-id", KUSTO_CSTR, &err));
    CHECK_OK(kusto_credential_set(device, "prompt", KUSTO_CSTR, "never", KUSTO_CSTR, &err));
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_credential_set(device, "prompt", KUSTO_CSTR, "x", KUSTO_CSTR, &err));
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_credential_set(device, "colour", KUSTO_CSTR, "x", KUSTO_CSTR, &err));
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_credential_add(device, device, &err));
    CHECK_OK(kusto_credential_chain(&chain, &err));
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_credential_add(chain, chain, &err));
    /* A failed call settles neither. */
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_credential_add(device, chain, &err));
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_credential_set(chain, "client id", KUSTO_CSTR, "x", KUSTO_CSTR, &err));
    CHECK_OK(kusto_credential_add(chain, device, &err));
    CHECK_STATUS(KUSTO_E_INVALID_STATE, kusto_credential_set(device, "tenant", KUSTO_CSTR, "t", KUSTO_CSTR, &err));
    kusto_credential_free(device);
    CHECK(read_count(&life.dropped) == 1);
    kusto_credential_free(chain);
    CHECK(reaches(&life.dropped, 2));
}

static void a_login_of_a_user_needs_who_shows_it(void)
{
    struct login life = {0, 0, AT_ONCE};
    kusto_config *config = NULL;
    kusto_client *client = NULL;
    kusto_error *error = NULL;
    CHECK_OK(kusto_config_parse(connection(), KUSTO_CSTR, &config, &err));
    CHECK_OK(kusto_config_set(config, "Fed", KUSTO_CSTR, "true", KUSTO_CSTR, &err));
    CHECK_OK(kusto_config_set(config, "Login", KUSTO_CSTR, "device", KUSTO_CSTR, &err));
    CHECK(kusto_client_new(config, &client, &error) == KUSTO_E_AUTH && client == NULL);
    CHECK(strstr(kusto_error_message(error, NULL), "kusto_config_set_prompt") != NULL);
    kusto_error_free(error);
    CHECK_OK(kusto_config_set_prompt(config, show, &life, dropped, &err));
    CHECK_OK(kusto_client_new(config, &client, &err));
    kusto_client_free(client);
    CHECK_OK(kusto_config_set_prompt(config, NULL, NULL, NULL, &err));
    kusto_config_free(config);
    CHECK(reaches(&life.dropped, 1));
}

/* What is wrong shows before anything is sent. */
static void the_other_logins_take_what_they_need(void)
{
    kusto_credential *one = NULL, *two = NULL;
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_credential_managed_identity(KUSTO_IDENTITY_CLIENT_ID, NULL, 0, &one, &err));
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_credential_managed_identity(KUSTO_IDENTITY_SYSTEM, "x", KUSTO_CSTR, &one, &err));
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_credential_managed_identity(9, NULL, 0, &one, &err));
    CHECK_OK(kusto_credential_managed_identity(KUSTO_IDENTITY_OBJECT_ID, "an-id", KUSTO_CSTR, &one, &err));
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_credential_on_behalf_of(one, "a-token", KUSTO_CSTR, &two, &err));
    CHECK_OK(kusto_credential_federated("t", KUSTO_CSTR, "id", KUSTO_CSTR, one, &two, &err));
    kusto_credential_free(one);
    CHECK_OK(kusto_credential_on_behalf_of(two, "a-token", KUSTO_CSTR, &one, &err));
    kusto_credential_free(one);
    kusto_credential_free(two);
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_credential_user_password(NULL, 0, "u", KUSTO_CSTR, "", 0, &one, &err));
    CHECK_OK(kusto_credential_user_password(NULL, 0, "u", KUSTO_CSTR, "a-password", KUSTO_CSTR, &one, &err));
    kusto_credential_free(one);
    CHECK_OK(kusto_credential_workload_identity(NULL, 0, NULL, 0, NULL, 0, &one, &err));
    kusto_credential_free(one);
    CHECK_OK(kusto_credential_azure_cli(&one, &err));
    kusto_credential_free(one);
    CHECK_OK(kusto_credential_azure_developer_cli(&one, &err));
    kusto_credential_free(one);
    CHECK_OK(kusto_credential_environment(&one, &err));
    kusto_credential_free(one);
    CHECK_OK(kusto_credential_default(&one, &err));
    kusto_credential_free(one);
}

/* The bytes of a file of tests/certificates, added behind `length` others. */
static void add_file(const char *name, char *data, size_t size, size_t *length)
{
    char path[1024];
    const char *end = strrchr(__FILE__, '/');
    FILE *file;
    snprintf(path, sizeof path, "%.*s/../certificates/%s", (int)(end - __FILE__), __FILE__, name);
    file = fopen(path, "rb");
    if (!CHECK(file != NULL))
        return;
    *length += fread(data + *length, 1, size - *length, file);
    fclose(file);
}

static kusto_status certificate_of(const char *key, const char *certificate, const char *password,
                                   kusto_credential **out, kusto_error **error)
{
    char data[16 * 1024];
    size_t length = 0;
    add_file(key, data, sizeof data, &length);
    if (certificate != NULL)
        add_file(certificate, data, sizeof data, &length);
    return kusto_credential_certificate("t", KUSTO_CSTR, "id", KUSTO_CSTR, (const uint8_t *)data, length, password,
                                        password == NULL ? 0 : KUSTO_CSTR, out, error);
}

static void a_certificate_is_read_when_its_credential_is_made(void)
{
    const int reads_pfx = kusto_has_feature("pfx", KUSTO_CSTR);
    kusto_credential *one = NULL;
    CHECK_OK(certificate_of("app.key", "app.crt", NULL, &one, &err));
    CHECK_OK(kusto_credential_set(one, "send chain", KUSTO_CSTR, "true", KUSTO_CSTR, &err));
    CHECK_STATUS(KUSTO_E_CONFIG, kusto_credential_set(one, "thumbprint", KUSTO_CSTR, "00", KUSTO_CSTR, &err));
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_credential_set(one, "prompt", KUSTO_CSTR, "never", KUSTO_CSTR, &err));
    kusto_credential_free(one);
    one = NULL;
    CHECK_STATUS(KUSTO_E_CONFIG, certificate_of("ec.key", "app.crt", NULL, &one, &err));
    CHECK_STATUS(KUSTO_E_CONFIG, certificate_of("app.key", "ca.crt", NULL, &one, &err));
    CHECK_STATUS(reads_pfx ? KUSTO_E_CONFIG : KUSTO_E_UNSUPPORTED, certificate_of("app.pfx", NULL, "wrong", &one, &err));
    CHECK(one == NULL);
    CHECK_STATUS(KUSTO_E_CONFIG, kusto_credential_certificate("t", KUSTO_CSTR, "id", KUSTO_CSTR, NULL, 0, NULL, 0, &one, &err));
    if (reads_pfx)
        CHECK_OK(certificate_of("app.pfx", NULL, "secret-of-tests", &one, &err));
    kusto_credential_free(one);
}

/* It would open a browser, and is told not to. */
static void a_login_in_the_browser_may_be_kept_from_asking(void)
{
    kusto_credential *browser = NULL;
    kusto_client *client;
    kusto_error *error = NULL;
    CHECK_OK(kusto_credential_interactive("t", KUSTO_CSTR, "alice@contoso.test", KUSTO_CSTR, NULL, NULL, NULL, &browser, &err));
    CHECK_OK(kusto_credential_set(browser, "client id", KUSTO_CSTR, "an-id", KUSTO_CSTR, &err));
    CHECK_OK(kusto_credential_set(browser, "device code", KUSTO_CSTR, "true", KUSTO_CSTR, &err));
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_credential_set(browser, "device code", KUSTO_CSTR, "yes", KUSTO_CSTR, &err));
    CHECK_OK(kusto_credential_set(browser, "prompt", KUSTO_CSTR, "never", KUSTO_CSTR, &err));
    client = client_with(browser);
    kusto_credential_free(browser);
    CHECK(kusto_client_warm_up(client, PATIENCE, &error) == KUSTO_E_AUTH);
    CHECK(is(kusto_error_service_code(error, NULL), "interaction_required"));
    kusto_error_free(error);
    kusto_client_free(client);
}

static void what_a_login_has_no_place_for_is_refused(void)
{
    kusto_credential *one = NULL;
    kusto_error *error = NULL;
    CHECK_OK(kusto_credential_token("a-token", KUSTO_CSTR, &one, &err));
    CHECK(kusto_credential_set(one, "Tenant", KUSTO_CSTR, "t", KUSTO_CSTR, &error) == KUSTO_E_INVALID_ARGUMENT);
    CHECK(is(kusto_error_argument(error, NULL), "tenant"));
    kusto_error_free(error);
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_credential_set(one, "authority", KUSTO_CSTR, "https://h", KUSTO_CSTR, &err));
    kusto_credential_free(one);
    CHECK_OK(kusto_credential_managed_identity(KUSTO_IDENTITY_SYSTEM, NULL, 0, &one, &err));
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_credential_set(one, "tenant", KUSTO_CSTR, "t", KUSTO_CSTR, &err));
    kusto_credential_free(one);
    CHECK_OK(kusto_credential_azure_cli(&one, &err));
    CHECK_OK(kusto_credential_set(one, "tenant", KUSTO_CSTR, "t", KUSTO_CSTR, &err));
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_credential_set(one, "authority", KUSTO_CSTR, "https://h", KUSTO_CSTR, &err));
    kusto_credential_free(one);
}

int main(void)
{
    if (connection() == NULL)
        return skip_all(11);
    RUN(a_fixed_token_is_sent);
    RUN(an_answer_at_once);
    RUN(an_answer_from_another_thread);
    RUN(a_refusal_is_an_error_of_the_login);
    RUN(an_application_names_its_tenant);
    RUN(a_credential_is_set_up_before_its_first_use);
    RUN(a_login_of_a_user_needs_who_shows_it);
    RUN(the_other_logins_take_what_they_need);
    RUN(a_certificate_is_read_when_its_credential_is_made);
    RUN(a_login_in_the_browser_may_be_kept_from_asking);
    RUN(what_a_login_has_no_place_for_is_refused);
    return harness_end();
}
