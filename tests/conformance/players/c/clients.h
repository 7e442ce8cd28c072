/* The player's clients, by the names that the driver gives them. */
#ifndef CLIENTS_H
#define CLIENTS_H

#include "error.h"

#include <time.h>

struct client {
    struct client *next;
    char *name;
    kusto_client *handle;
};

static struct client *clients;

static struct client *find_client(const char *name)
{
    struct client *client = clients;
    while (client != NULL && strcmp(client->name, name) != 0)
        client = client->next;
    return client;
}

static kusto_client *client_of(const struct message *said)
{
    struct client *client = find_client(get(said, "client"));
    if (client == NULL)
        die("%s: no such client", said->verb);
    return client->handle;
}

static void KUSTO_CALL give_token(void *user_data, kusto_token_request *request)
{
    (void)user_data;
    kusto_token_request_complete(request, "a-token", KUSTO_CSTR, (int64_t)time(NULL) + 3600);
}

static void KUSTO_CALL give_no_token(void *user_data, kusto_token_request *request)
{
    (void)user_data;
    kusto_token_request_fail(request, 0, "the login fails", KUSTO_CSTR);
}

/* The driver plays the user, who needs no prompt. */
static int32_t KUSTO_CALL show_nothing(void *user_data, int32_t kind, const char *url, size_t url_len, const char *code,
                                       size_t code_len, const char *message, size_t message_len, int64_t expires_on)
{
    (void)user_data, (void)kind, (void)url, (void)url_len, (void)code, (void)code_len;
    (void)message, (void)message_len, (void)expires_on;
    return KUSTO_PROMPTED_SHOWN;
}

static void KUSTO_CALL give_file(void *user_data, kusto_token_request *request)
{
    char text[4096];
    size_t length = 0;
    FILE *file = fopen(user_data, "rb");
    if (file != NULL) {
        length = fread(text, 1, sizeof text, file);
        fclose(file);
    }
    kusto_token_request_complete(request, text, length, 0);
}

static void KUSTO_CALL forget_file(void *user_data)
{
    free(user_data);
}

/* An application whose assertion is the text of the message's file. */
static kusto_status new_federated(const struct message *said, kusto_credential **out, kusto_error **err)
{
    kusto_credential *assertion = NULL;
    kusto_status status = kusto_credential_callback(give_file, copy_of(get(said, "file")), forget_file, &assertion, err);
    if (status == KUSTO_OK)
        status = kusto_credential_federated(NULL, 0, get(said, "application"), KUSTO_CSTR, assertion, out, err);
    kusto_credential_free(assertion);
    return status;
}

static kusto_status new_on_behalf_of(const struct message *said, kusto_credential **out, kusto_error **err)
{
    kusto_credential *application = NULL;
    kusto_status status = new_federated(said, &application, err);
    if (status == KUSTO_OK)
        status = kusto_credential_on_behalf_of(application, "no-token", KUSTO_CSTR, out, err);
    kusto_credential_free(application);
    return status;
}

/* The environment, and then the machine. */
static kusto_status new_chain(kusto_credential **out, kusto_error **err)
{
    kusto_credential *environment = NULL, *machine = NULL;
    kusto_status status = kusto_credential_chain(out, err);
    if (status == KUSTO_OK)
        status = kusto_credential_environment(&environment, err);
    if (status == KUSTO_OK)
        status = kusto_credential_add(*out, environment, err);
    if (status == KUSTO_OK)
        status = kusto_credential_managed_identity(KUSTO_IDENTITY_SYSTEM, NULL, 0, &machine, err);
    if (status == KUSTO_OK)
        status = kusto_credential_add(*out, machine, err);
    kusto_credential_free(environment);
    kusto_credential_free(machine);
    return status;
}

static kusto_status new_credential(const struct message *said, const char *login, kusto_credential **out, kusto_error **err)
{
    if (strcmp(login, "token") == 0)
        return kusto_credential_token("a-token", KUSTO_CSTR, out, err);
    if (strcmp(login, "callback") == 0)
        return kusto_credential_callback(give_token, NULL, NULL, out, err);
    if (strcmp(login, "failing") == 0)
        return kusto_credential_callback(give_no_token, NULL, NULL, out, err);
    if (strcmp(login, "federated") == 0)
        return new_federated(said, out, err);
    if (strcmp(login, "on_behalf_of") == 0)
        return new_on_behalf_of(said, out, err);
    if (strcmp(login, "chain") == 0)
        return new_chain(out, err);
    if (strcmp(login, "interactive") == 0)
        return kusto_credential_interactive(NULL, 0, NULL, 0, NULL, NULL, NULL, out, err);
    if (strcmp(login, "device") == 0)
        return kusto_credential_device_code(NULL, 0, show_nothing, NULL, NULL, out, err);
    die("unknown login: %s", login);
    return KUSTO_E_INTERNAL;
}

static kusto_status log_in(kusto_config *config, const struct message *said, kusto_error **err)
{
    const char *login = find(said, "login");
    kusto_credential *credential = NULL;
    kusto_status status;
    if (login == NULL || strcmp(login, "none") == 0)
        return KUSTO_OK;
    status = new_credential(said, login, &credential, err);
    if (status == KUSTO_OK)
        status = kusto_config_set_credential(config, credential, err);
    kusto_credential_free(credential);
    return status;
}

static kusto_status set_all(kusto_config *config, const struct message *said, kusto_error **err)
{
    kusto_status status = KUSTO_OK;
    size_t i;
    for (i = 0; i < said->count && status == KUSTO_OK; i++) {
        if (strcmp(said->pairs[i].key, "setting") == 0) {
            size_t length;
            const char *value = value_of(said->pairs[i].value, &length);
            status = kusto_config_set(config, said->pairs[i].value, length, value, KUSTO_CSTR, err);
        }
    }
    return status;
}

static void add_client(const char *name, kusto_client *handle)
{
    struct client *client = find_client(name);
    if (client == NULL) {
        client = allocated(calloc(1, sizeof *client));
        client->name = copy_of(name);
        client->next = clients;
        clients = client;
    }
    kusto_client_free(client->handle);
    client->handle = handle;
}

static void make_client(const struct message *said)
{
    kusto_config *config = NULL;
    kusto_client *handle = NULL;
    kusto_error *error = NULL;
    kusto_status status = kusto_config_parse(get(said, "connection"), KUSTO_CSTR, &config, &error);
    if (status == KUSTO_OK)
        status = set_all(config, said, &error);
    if (status == KUSTO_OK)
        status = log_in(config, said, &error);
    if (status == KUSTO_OK)
        status = kusto_client_new(config, &handle, &error);
    if (status == KUSTO_OK)
        add_client(get(said, "client"), handle);
    kusto_config_free(config);
    answer(status, error);
}

static void free_clients(void)
{
    while (clients != NULL) {
        struct client *client = clients;
        kusto_error *error = NULL;
        clients = client->next;
        if (kusto_client_close(client->handle, 0, NULL, &error) != KUSTO_OK)
            die("close: %s", kusto_error_message(error, NULL));
        kusto_client_free(client->handle);
        free(client->name);
        free(client);
    }
}

#endif
