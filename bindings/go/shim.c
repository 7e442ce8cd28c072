#include "shim.h"

#include "_cgo_export.h"

static void KUSTO_CALL on_drop(void *user)
{
    goKustoDrop((uintptr_t)user);
}

static void KUSTO_CALL on_token(void *user, kusto_token_request *request)
{
    goKustoToken((uintptr_t)user, request);
}

static int64_t KUSTO_CALL on_read(void *user, uint8_t *buffer, size_t cap)
{
    return goKustoRead((uintptr_t)user, buffer, cap);
}

static void KUSTO_CALL on_progress(void *user, uint64_t read, uint64_t sent, uint64_t total)
{
    goKustoProgress((uintptr_t)user, read, sent, total);
}

static void KUSTO_CALL on_done(void *user, const kusto_op *op)
{
    (void)op;
    goKustoDone((uintptr_t)user);
}

static void KUSTO_CALL on_log(void *user, int32_t level, const char *target, size_t target_len,
                              const char *message, size_t message_len)
{
    goKustoLog((uintptr_t)user, level, (char *)target, target_len, (char *)message, message_len);
}

kusto_status shim_credential(uintptr_t user, kusto_credential **out, kusto_error **err)
{
    return kusto_credential_callback(on_token, (void *)user, on_drop, out, err);
}

kusto_status shim_source_bytes(const uint8_t *data, size_t len, uintptr_t user, kusto_source **out,
                               kusto_error **err)
{
    return kusto_source_bytes(data, len, on_drop, (void *)user, out, err);
}

kusto_status shim_source_reader(uintptr_t user, kusto_source **out, kusto_error **err)
{
    return kusto_source_reader(on_read, (void *)user, on_drop, out, err);
}

kusto_status shim_source_progress(kusto_source *source, uintptr_t user, kusto_error **err)
{
    return kusto_source_set_progress(source, on_progress, (void *)user, on_drop, err);
}

kusto_status shim_ingest_start(const kusto_client *client, const kusto_props *props,
                               kusto_source *source, int64_t timeout_ms, uintptr_t user,
                               kusto_op **out, kusto_error **err)
{
    return kusto_ingest_start(client, props, source, timeout_ms, on_done, (void *)user, on_drop,
                              out, err);
}

kusto_status shim_log(int32_t level, uintptr_t user, kusto_error **err)
{
    if (user == 0)
        return kusto_log_set(KUSTO_LOG_OFF, NULL, NULL, NULL, err);
    return kusto_log_set(level, on_log, (void *)user, on_drop, err);
}
