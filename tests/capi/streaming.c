/* Streaming and managed ingestion, against a service: the mode of a client and of a call, and what a result says of
 * the way that the data took. */
#include "harness.h"

#define POLICY_OFF "BadRequest_StreamingIngestionPolicyNotEnabled"

static kusto_client *client;

static kusto_client *client_with(const char *mode)
{
    kusto_config *config = NULL;
    kusto_client *made = NULL;
    CHECK_OK(kusto_config_parse(connection(), KUSTO_CSTR, &config, &err));
    CHECK_OK(kusto_config_set(config, "ingestion mode", KUSTO_CSTR, mode, KUSTO_CSTR, &err));
    CHECK_OK(kusto_client_new(config, &made, &err));
    kusto_config_free(config);
    return made;
}

/* A table that takes streams. */
static void create_streaming_table(char *table, size_t size)
{
    char text[512];
    create_table(client, table, size, "streaming");
    snprintf(text, sizeof text, ".alter table ['%s'] policy streamingingestion enable", table);
    execute(client, text);
}

static kusto_result *ingested(kusto_client *by, const kusto_props *props)
{
    kusto_result *result = NULL;
    CHECK_OK(kusto_ingest_bytes(by, props, (const uint8_t *)"1,a\n2,b\n", 8, PATIENCE, &result, &err));
    return result;
}

static void streamed_data_is_in_the_table_when_the_call_returns(void)
{
    char table[128];
    kusto_client *streams = client_with("streaming");
    kusto_report *report = NULL;
    kusto_props *props;
    kusto_result *result;
    size_t len = 0;
    create_streaming_table(table, sizeof table);
    props = props_for(table);
    result = ingested(streams, props);
    CHECK(count_rows(client, table) == 2);
    CHECK(kusto_result_route(result) == KUSTO_ROUTE_STREAMED && kusto_result_attempts(result) == 1);
    CHECK(kusto_result_fallback_cause(result) == NULL && !kusto_result_possibly_duplicated(result));
    CHECK(is(kusto_result_update_policy(result, &len), "Inactive") && len == 8);
    CHECK(!kusto_result_update_policy_failed(result) && is(kusto_result_update_policy_code(result, NULL), "Unknown"));
    CHECK(kusto_result_update_policy_reason(result, NULL) == NULL);
    /* Its status is known without asking. */
    CHECK_OK(kusto_track(client, kusto_result_tracking_token(result, NULL), KUSTO_CSTR, PATIENCE, &report, &err));
    CHECK(kusto_report_count(report, KUSTO_ITEM_SUCCEEDED) == 1);
    kusto_report_free(report);
    kusto_result_free(result);
    kusto_props_free(props);
    kusto_client_free(streams);
    drop_table(client, table);
}

static void a_call_has_a_mode_of_its_own(void)
{
    static const int32_t modes[][2] = {
        {KUSTO_MODE_STREAMING, KUSTO_ROUTE_STREAMED},
        {KUSTO_MODE_MANAGED, KUSTO_ROUTE_STREAMED},
        {KUSTO_MODE_QUEUED, KUSTO_ROUTE_QUEUED},
        {0, KUSTO_ROUTE_QUEUED}, /* as the client does it */
    };
    char table[128];
    kusto_props *props;
    size_t i;
    create_streaming_table(table, sizeof table);
    props = props_for(table);
    for (i = 0; i < LEN(modes); i++) {
        kusto_result *result;
        CHECK_OK(kusto_props_set_mode(props, modes[i][0], &err));
        result = ingested(client, props);
        CHECK(kusto_result_route(result) == modes[i][1]);
        CHECK(kusto_result_attempts(result) == (modes[i][1] == KUSTO_ROUTE_STREAMED));
        expect_final(client, result, KUSTO_ITEM_SUCCEEDED);
    }
    CHECK(count_rows(client, table) == 8);
    kusto_props_free(props);
    drop_table(client, table);
}

static void without_a_policy_data_is_queued_or_refused(void)
{
    char table[128];
    kusto_client *manages = client_with("managed");
    const kusto_error *cause;
    kusto_error *failure = NULL, *kept;
    kusto_props *props;
    kusto_result *result = NULL;
    create_table(client, table, sizeof table, "no_policy");
    props = props_for(table);
    result = ingested(manages, props);
    CHECK(kusto_result_route(result) == KUSTO_ROUTE_QUEUED && kusto_result_attempts(result) == 1);
    CHECK(kusto_result_update_policy(result, NULL) == NULL && !kusto_result_possibly_duplicated(result));
    cause = kusto_result_fallback_cause(result);
    CHECK(cause != NULL && is(kusto_error_service_code(cause, NULL), POLICY_OFF));
    CHECK(kusto_error_status(cause) == KUSTO_E_SERVICE && kusto_error_message(cause, NULL) != NULL);
    CHECK(kusto_error_copy(cause, &kept) == KUSTO_OK);
    expect_final(manages, result, KUSTO_ITEM_SUCCEEDED);
    /* The result is freed. */
    CHECK(is(kusto_error_service_code(kept, NULL), POLICY_OFF) && kusto_error_status(kept) == KUSTO_E_SERVICE);
    kusto_error_free(kept);
    CHECK(kusto_error_copy(NULL, &kept) == KUSTO_E_INVALID_ARGUMENT && kept == NULL);

    result = NULL;
    CHECK_OK(kusto_props_set_mode(props, KUSTO_MODE_STREAMING, &err));
    CHECK(kusto_ingest_bytes(client, props, (const uint8_t *)"3,c\n", 4, PATIENCE, &result, &failure) == KUSTO_E_SERVICE);
    CHECK(result == NULL && is(kusto_error_service_code(failure, NULL), POLICY_OFF));
    CHECK(kusto_error_retry(failure) == KUSTO_RETRY_NEVER && !kusto_error_in_doubt(failure));
    kusto_error_free(failure);
    CHECK(count_rows(client, table) == 2);
    kusto_props_free(props);
    kusto_client_free(manages);
    drop_table(client, table);
}

static void what_streaming_cannot_have_is_refused_by_name(void)
{
    static const char mapping[] = "[{\"Column\":\"Id\",\"Properties\":{\"Ordinal\":\"0\"}}]";
    kusto_props *props = props_for("nowhere"), *tagged = NULL;
    kusto_result *result = NULL;
    CHECK_OK(kusto_props_set_mode(props, KUSTO_MODE_STREAMING, &err));
    CHECK_OK(kusto_props_clone(props, &tagged, &err));
    CHECK_OK(kusto_props_set_mapping_json(props, mapping, KUSTO_CSTR, &err));
    CHECK_OK(kusto_props_add_tag(tagged, "drop-by:x", KUSTO_CSTR, &err));
    CHECK_REFUSES("ingestionMapping", kusto_ingest_bytes(client, props, (const uint8_t *)"1,a\n", 4, PATIENCE, &result, &err));
    CHECK_REFUSES("tags", kusto_ingest_bytes(client, tagged, (const uint8_t *)"1,a\n", 4, PATIENCE, &result, &err));
    CHECK(result == NULL);
    kusto_props_free(tagged);
    kusto_props_free(props);
}

int main(void)
{
    if (connection() == NULL)
        return skip_all(4);
    client = client_of(connection());
    RUN(streamed_data_is_in_the_table_when_the_call_returns);
    RUN(a_call_has_a_mode_of_its_own);
    RUN(without_a_policy_data_is_queued_or_refused);
    RUN(what_streaming_cannot_have_is_refused_by_name);
    kusto_client_free(client);
    return harness_end();
}
