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

int main(void)
{
    if (connection() == NULL)
        return skip_all(5);
    RUN(a_fixed_token_is_sent);
    RUN(an_answer_at_once);
    RUN(an_answer_from_another_thread);
    RUN(a_refusal_is_an_error_of_the_login);
    RUN(an_application_names_its_tenant);
    return harness_end();
}
