// Logins, commands, rows, and the status of data, against a service.
#include "harness.hpp"

#include <cstring>

using namespace harness;
using namespace std::chrono_literals;

static const kusto::client *client;

// ---- logins --------------------------------------------------------------------------------------------

// Token callbacks are called only where a login is needed.
static kusto::client client_with(const kusto::credential &login)
{
    return kusto::client(kusto::config(connection()).set_credential(login));
}

static kusto::access_token good_token() { return {"a-token", std::chrono::system_clock::now() + 1h}; }

static void a_fixed_token_is_sent()
{
    CHECK(number(client_with(kusto::credential::token("a-token")), "print 7") == 7);
}

static void an_answer_at_once_is_asked_once()
{
    int asked = 0;
    const kusto::client client = client_with(kusto::credential::callback([&](const kusto::token_request &request) {
        asked++;
        CHECK(request.scope().find("/.default") != std::string_view::npos && request.tenant().empty());
        return good_token();
    }));
    CHECK(number(client, "print 1") == 1 && number(client, "print 2") == 2 && asked == 1);
}

static void an_answer_from_another_thread()
{
    const kusto::client client = client_with(kusto::credential::callback([](kusto::token_request &request) {
        std::thread([question = std::move(request)]() mutable { question.complete(good_token()); }).detach();
    }));
    CHECK(number(client, "print 1") == 1);
}

// A login that fails in this way, and its error.
template <class F> static void a_login_fails(F &&ask, const char *because)
{
    const auto came = client_with(kusto::credential::callback(std::forward<F>(ask))).try_warm_up(PATIENCE);
    CHECK(gives(came, kusto::errc::auth) && came.error().step() == "acquire token");
    CHECK(std::strstr(came.error().what(), because) != nullptr);
}

static void a_login_that_is_refused_forgotten_or_throws_is_an_error()
{
    a_login_fails([](kusto::token_request &request) { request.fail("no login today"); }, "no login today");
    a_login_fails([](kusto::token_request &request) { const kusto::token_request forgotten = std::move(request); },
                  "did not answer");
    a_login_fails([](const kusto::token_request &) -> kusto::access_token { throw std::runtime_error("no wallet"); },
                  "no wallet");
    a_login_fails([](kusto::token_request &) { throw std::runtime_error("no purse"); }, "no purse");
}

// ---- rows and commands --------------------------------------------------------------------------------------

static void rows_have_names_types_and_nulls()
{
    kusto::rows rows = client->execute(
        database(), "print a = long(42), b = 'größer', c = int(null), d = '', e = datetime(2026-01-02)", PATIENCE);
    CHECK(rows.columns() == 5 && rows.size() == 1);
    CHECK(rows.column_name(0) == "a" && rows.column_type(0) == "long" && rows.column_type(4) == "datetime");
    CHECK(rows.column_name(5).empty() && !rows.text(0));
    CHECK_CODE(invalid_state, rows.try_int64(0));
    CHECK(rows.next() && rows.int64(0) == 42 && rows.text(0) == "42" && rows.text(1) == "größer");
    CHECK(!rows.text(2) && rows.text(3) == "" && !rows.int64(2));
    CHECK(refuses(rows.try_int64(1), "column") && refuses(rows.try_int64(9), "column"));
    CHECK(rows.json().find("größer") != std::string_view::npos);
    CHECK(!rows.next() && !rows.next_table() && !rows.text(0));
}

static void commands_work_without_a_database_and_with_options()
{
    kusto::request_options options;
    options.set("servertimeout", "00:01:00").set("notruncation", "true").set_client_request_id("cpp;test");
    CHECK(client->execute("", ".show version", PATIENCE, &options).next());
    CHECK_CODE(invalid_argument, options.try_set_client_request_id("a\nb"));
    kusto::request_options parameters;
    parameters.set_parameter("n", "long(7)");
    kusto::rows rows = client->execute(database(), "declare query_parameters(n:long); print n", PATIENCE, &parameters);
    CHECK(rows.next() && rows.int64(0) == 7);
}

static void commands_are_written_with_names_and_types()
{
    kusto::command command = kusto::command::create_table("made by command");
    CHECK(command.text().empty());
    command.add_column("größe x", "System.Int64").add_column("b", "dynamic");
    CHECK(command.text() == ".create table ['made by command'] (['größe x']:long, ['b']:dynamic)");
    CHECK(refuses(command.try_add_column("c", "System.Nope"), "type_name"));
    client->execute(database(), command.text(), PATIENCE);
    const kusto::command mapping =
        kusto::command::create_mapping("made by command", kusto::data_format::tsv, "m 1.x",
                                       R"([{"Column":"b","Properties":{"Ordinal":"0"}}])");
    CHECK(mapping.text().find("ingestion csv mapping") != std::string_view::npos);
    client->execute(database(), mapping.text(), PATIENCE);
    client->execute(database(), ".drop table ['made by command']", PATIENCE);
    CHECK(refuses(kusto::command::try_create_mapping("t", kusto::data_format::csv, "m", "{}", true), "mapping"));
    CHECK(refuses(kusto::command::try_create_table(""), "table"));
}

static void errors_of_the_service_tell_what_and_where()
{
    try {
        client->execute(database(), "NoSuchTable | count", PATIENCE);
        CHECK(!"thrown");
    } catch (const kusto::error &error) {
        CHECK(error.http_status() == 400 && !error.host().empty() && error.permanent() && !error.in_doubt());
        CHECK(!error.client_request_id().empty() || !error.activity_id().empty());
        CHECK(!error.service_code().empty());
    }
    CHECK_CODE(timed_out, client->try_execute(database(), "print 1", 0s));
}

// ---- status -----------------------------------------------------------------------------------------------------

static void a_token_outlives_its_client()
{
    const table table(*client, "token");
    std::string token, id;
    {
        const kusto::receipt receipt = connect().ingest(table.props(), "1,a\n", PATIENCE);
        token = receipt.tracking_token();
        id = receipt.source_id();
    }
    CHECK(client->track(token, PATIENCE).size() == 1);
    const kusto::report report = client->track_until_final(token, 20ms, PATIENCE);
    CHECK(report.size() == 1 && report.count(kusto::item_state::succeeded) == 1);
    CHECK(report[0].state() == kusto::item_state::succeeded && report[0].source_id() == id);
    CHECK(report[0].table() == table.name() && report[0].database() == database());
    CHECK(!report[0].updated_on().empty() && report[1].table().empty());
    CHECK(report.json().find("\"Succeeded\"") != std::string_view::npos);
    CHECK_CODE(invalid_argument, client->try_track("no token", PATIENCE));
}

static void an_unknown_table_is_a_failure_with_a_code()
{
    kusto::props props(database(), "no such table");
    props.set_reporting(kusto::report_level::failures_and_successes, kusto::report_method::table).set("flushImmediately", "true");
    const kusto::receipt receipt = client->ingest(props, "1,a\n", PATIENCE);
    const kusto::report report = client->track_until_final(receipt.tracking_token(), 20ms, PATIENCE);
    CHECK(report.count(kusto::item_state::failed) == 1 && report[0].retry() == kusto::retry_class::never);
    CHECK(!report[0].error_code().empty() && !report[0].details().empty());
    props.set_reporting(kusto::report_level::do_not_report, kusto::report_method::queue);
    CHECK(ends(*client, client->ingest(props, "1,a\n", PATIENCE), kusto::item_state::queued));
}

static void outcomes_are_peeked_and_taken(kusto::outcome which, const std::string &table, kusto::item_state state)
{
    kusto::props props(database(), table);
    props.set_format(kusto::data_format::csv).set("flushImmediately", "true");
    props.set_reporting(kusto::report_level::failures_and_successes, kusto::report_method::queue);
    const kusto::receipt receipt = client->ingest(props, "1,a\n", PATIENCE);
    const std::string_view token = receipt.tracking_token();
    CHECK(eventually([&] { return client->peek_outcomes(which, token, 32, PATIENCE).size() == 1; }));
    CHECK(client->peek_outcomes(which, std::nullopt, 32, PATIENCE).size() >= 1);
    const kusto::report report = client->take_outcomes(which, token, 32, PATIENCE);
    CHECK(report.size() == 1 && report[0].state() == state && report[0].source_id() == receipt.source_id());
    CHECK(!report[0].source_path().empty() && report[0].source_path().find('?') == std::string_view::npos);
    CHECK(client->peek_outcomes(which, token, 32, PATIENCE).size() == 0);
}

static void failures_and_successes_are_peeked_and_taken()
{
    const table table(*client, "outcomes");
    outcomes_are_peeked_and_taken(kusto::outcome::failures, "no such table", kusto::item_state::failed);
    outcomes_are_peeked_and_taken(kusto::outcome::successes, table.name(), kusto::item_state::succeeded);
}

int main()
{
    if (connection() == nullptr)
        return skip_all(11);
    const kusto::client connected = connect();
    client = &connected;
    RUN(a_fixed_token_is_sent);
    RUN(an_answer_at_once_is_asked_once);
    RUN(an_answer_from_another_thread);
    RUN(a_login_that_is_refused_forgotten_or_throws_is_an_error);
    RUN(rows_have_names_types_and_nulls);
    RUN(commands_work_without_a_database_and_with_options);
    RUN(commands_are_written_with_names_and_types);
    RUN(errors_of_the_service_tell_what_and_where);
    RUN(a_token_outlives_its_client);
    RUN(an_unknown_table_is_a_failure_with_a_code);
    RUN(failures_and_successes_are_peeked_and_taken);
    return harness::end();
}
