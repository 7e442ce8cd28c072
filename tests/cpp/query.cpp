// Logins, commands, rows, and the status of data, against a service.
#include "harness.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include <arpa/inet.h>
#include <sys/socket.h>

using namespace harness;
using namespace std::chrono_literals;

static const kusto::client *client;

// ---- names ---------------------------------------------------------------------------------------------

// The head of the first request that comes to a service, which refuses it.
static std::string refused(int listening)
{
    const int fd = accept(listening, nullptr, nullptr);
    std::string head;
    char buffer[4096];
    while (head.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
        if (got <= 0)
            break;
        head.append(buffer, static_cast<std::size_t>(got));
    }
    constexpr std::string_view answer = "HTTP/1.1 400 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    CHECK(send(fd, answer.data(), answer.size(), 0) == static_cast<ssize_t>(answer.size()));
    // Until the client has read it: with bytes that nobody has read, closing would take the answer back.
    shutdown(fd, SHUT_WR);
    while (recv(fd, buffer, sizeof buffer, 0) > 0) {
    }
    close(fd);
    return head;
}

static void the_service_sees_the_language_and_its_standard()
{
    const int listening = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    CHECK(bind(listening, reinterpret_cast<const sockaddr *>(&at), size) == 0 && listen(listening, 8) == 0);
    CHECK(getsockname(listening, reinterpret_cast<sockaddr *>(&at), &size) == 0);
    std::string head;
    std::thread service([&] { head = refused(listening); });
    const std::string address = "Data Source=http://127.0.0.1:" + std::to_string(ntohs(at.sin_port)) + ";Fed=False";
    const kusto::client asking{kusto::config(address)};
    CHECK_CODE(service, asking.try_execute("D", "T", PATIENCE));
    service.join();
    close(listening);
    CHECK(head.find("x-ms-client-version: Kusto.kusto-ingest-cpp.Client:{" + std::string(kusto::version()) + "}|Runtime.C++:{17}|Kusto.Rust.Client:{") !=
          std::string::npos);
}

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

// Whether `failed` has this exception as its cause.
template <class Exception> static bool caused_by(const kusto::error &failed, const char *text)
{
    try {
        if (failed.cause())
            std::rethrow_exception(failed.cause());
    } catch (const Exception &cause) {
        return std::strcmp(cause.what(), text) == 0;
    }
    return false;
}

static void what_a_login_throws_is_the_cause_of_every_call()
{
    const kusto::client none = client_with(kusto::credential::callback(
        [](const kusto::token_request &) -> kusto::access_token { throw std::logic_error("no key to the safe"); }));
    const auto warmed = none.try_warm_up(PATIENCE);
    CHECK(gives(warmed, kusto::errc::auth) && caused_by<std::logic_error>(warmed.error(), "no key to the safe"));
    const auto asked = none.try_execute(database(), "print 1", PATIENCE);
    CHECK(gives(asked, kusto::errc::auth) && caused_by<std::logic_error>(asked.error(), "no key to the safe"));
    CHECK(asked.error().permanent());
    const auto masked = client_with(kusto::credential::callback([](const kusto::token_request &) -> kusto::access_token {
                            throw std::domain_error("refused: Bearer abcdefgh");
                        })).try_warm_up(PATIENCE);
    CHECK(gives(masked, kusto::errc::auth) && caused_by<std::domain_error>(masked.error(), "refused: Bearer abcdefgh"));
    CHECK(std::strstr(masked.error().what(), "abcdefgh") == nullptr);
    const auto other = client_with(kusto::credential::callback([](kusto::token_request &request) {
                           request.fail("the safe is lost");
                       })).try_warm_up(PATIENCE);
    CHECK(gives(other, kusto::errc::auth) && !other.error().cause());
}

static void a_login_that_fails_for_a_while_is_asked_again()
{
    int asked = 0;
    const kusto::client client = client_with(kusto::credential::callback([&](const kusto::token_request &) {
        switch (asked++) {
        case 0: throw kusto::transient_token_error("busy");
        case 1: throw std::system_error(std::make_error_code(std::errc::connection_reset));
        default: return good_token();
        }
    }));
    CHECK(number(client, "print 1") == 1 && asked == 3);
    const kusto::client never = client_with(kusto::credential::callback(
        [](const kusto::token_request &) -> kusto::access_token { throw kusto::transient_token_error("still busy"); }));
    const auto came = never.try_execute(database(), "print 1", PATIENCE);
    CHECK(gives(came, kusto::errc::auth) && came.error().retryable());
    CHECK(caused_by<kusto::transient_token_error>(came.error(), "still busy"));
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

// The text with which a test says what a timespan or a datetime is in ticks.
static std::int64_t ticks_of(kusto::rows &rows, std::size_t column)
{
    return rows.timespan(column)->count();
}

static void every_scalar_has_its_type()
{
    kusto::rows rows = client->execute(
        database(),
        "print b = true, i = int(-7), l = long(-9223372036854775808), r = real(0.1), d = decimal(12345678901234567890.123), "
        "s = 'x', t = datetime(1969-12-31T23:59:59.9999999Z), p = -1d, g = guid(74be27de-1e4e-49d9-b579-fe0b331d3642), "
        "j = dynamic({\"a\":1})",
        PATIENCE);
    CHECK_CODE(invalid_state, rows.try_real(3));
    CHECK(rows.next() && rows.boolean(0) == true && rows.int32(1) == -7 && rows.int64(1) == -7);
    CHECK(rows.int64(2) == std::numeric_limits<std::int64_t>::min() && rows.real(3) == 0.1);
    CHECK(rows.decimal(4) == "12345678901234567890.123" && rows.string(5) == "x");
    CHECK(rows.datetime(6)->time_since_epoch() == kusto::ticks(-1) && rows.timespan(7) == -24h);
    CHECK(rows.guid(8) == "74be27de-1e4e-49d9-b579-fe0b331d3642" && rows.dynamic(9) == "{\"a\":1}");
    CHECK(rows.find_column("j") == 9u && !rows.find_column("J") && !rows.find_column("no such column"));
    for (std::size_t column = 0; column < rows.columns(); column++)
        CHECK(column == 0 ? static_cast<bool>(rows.try_boolean(column)) : refuses(rows.try_boolean(column), "column"));
    CHECK(refuses(rows.try_guid(5), "column") && refuses(rows.try_int32(2), "column") && refuses(rows.try_real(99), "column"));
}

static void every_scalar_but_a_text_can_be_null()
{
    kusto::rows rows = client->execute(database(),
                                       "print bool(null), int(null), long(null), real(null), decimal(null), datetime(null), "
                                       "timespan(null), guid(null), dynamic(null)",
                                       PATIENCE);
    CHECK(rows.next() && rows.try_boolean(0).value() == std::nullopt && rows.int32(1) == std::nullopt);
    CHECK(rows.int64(2) == std::nullopt && rows.real(3) == std::nullopt && rows.decimal(4) == std::nullopt);
    CHECK(rows.datetime(5) == std::nullopt && rows.timespan(6) == std::nullopt && rows.guid(7) == std::nullopt);
    CHECK(rows.dynamic(8) == std::nullopt);
}

static void values_at_the_ends_of_their_types_are_exact()
{
    kusto::rows rows = client->execute(
        database(),
        "print timespan(-10675199.02:48:05.4775808), timespan(10675199.02:48:05.4775807), 1tick, 1d + 2s, "
        "datetime(0001-01-01), datetime(9999-12-31T23:59:59.9999999Z), datetime(2000-02-29T12:00:00Z), real(nan), "
        "real(-inf), 1e300",
        PATIENCE);
    CHECK(rows.next() && rows.timespan(0) == kusto::ticks::min() && rows.timespan(1) == kusto::ticks::max());
    CHECK(ticks_of(rows, 2) == 1 && ticks_of(rows, 3) == 864020000000);
    CHECK(rows.datetime(4)->time_since_epoch().count() == -621355968000000000);
    CHECK(rows.datetime(5)->time_since_epoch().count() == 2534023007999999999);
    CHECK(std::chrono::duration_cast<std::chrono::seconds>(rows.datetime(6)->time_since_epoch()).count() == 951825600);
    CHECK(std::isnan(*rows.real(7)) && *rows.real(8) < -1e308 && rows.real(9) == 1e300);
}

static void notations_that_are_none_are_refused()
{
    kusto::ticks span{};
    kusto::date_time time{};
    for (const char *text : {"", "1", "1.", "24:00:00", "1:00:00", "00:60:00", "00:00:60", "00:00:00.", "00:00:00.12345678",
                             "10675199.02:48:05.4775808", "99999999.00:00:00", "1.2.00:00:00", "+00:00:00"})
        CHECK(!kusto::detail::parse(text, span));
    CHECK(kusto::detail::parse("00:00:00.5", span) && span.count() == 5000000);
    for (const char *text : {"", "2026-01-02", "2026-01-02T00:00:00", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
                             "2026-01-02T24:00:00Z", "2026-1-02T00:00:00Z", "2026-01-02T00:00:00Z "})
        CHECK(!kusto::detail::parse(text, time));
    std::int32_t number = 0;
    double real = 0;
    CHECK(!kusto::detail::parse("3000000000", number) && !kusto::detail::parse("1x", number));
    CHECK(!kusto::detail::parse("1.5x", real) && !kusto::detail::parse("", real));
}

static void rows_can_be_looped_over()
{
    std::int64_t sum = 0;
    std::string texts;
    for (const auto &row : client->execute(database(), "range n from 1 to 5 step 1 | extend t = tostring(n)", PATIENCE)) {
        CHECK(row.size() == 2);
        sum += row.int64(0).value();
        texts += row.string(1).value();
    }
    CHECK(sum == 15 && texts == "12345");
    kusto::rows rows = client->execute(database(), "range n from 1 to 5 step 1", PATIENCE);
    CHECK(rows.next() && rows.size() == 5 && !rows.empty());
    // A loop goes on from where the cursor stands.
    for (const kusto::rows::row &row : rows)
        sum += row.int64(0).value();
    CHECK(sum == 15 + 14 && rows.begin() == rows.end());
    const kusto::rows none(nullptr);
    CHECK(none.empty() && none.end() == kusto::rows::iterator());
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
    std::size_t items = 0;
    for (const kusto::report::item &item : report)
        items += item.source_id() == id;
    CHECK(items == report.size() && !report.empty() && report.end() - report.begin() == 1);
    CHECK(std::all_of(report.begin(), report.end(), [&](const auto &item) { return item.table() == table.name(); }));
    CHECK(report.begin()->state() == kusto::item_state::succeeded && report.begin()[0].database() == database());
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
    const kusto::receipt unreported = client->ingest(props, "1,a\n", PATIENCE);
    CHECK_CODE(invalid_state, client->try_track_until_final(unreported.tracking_token(), 20ms, PATIENCE));
    CHECK(client->track(unreported.tracking_token(), PATIENCE).count(kusto::item_state::queued) == 1);
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

static void the_table_is_checked_and_a_key_ingests_once()
{
    const table table(*client, "once");
    const kusto::props props = table.props().once("the first of this test");
    client->warm_up(props, PATIENCE);
    CHECK_CODE(not_found, client->try_warm_up(kusto::props(database(), "no such table"), PATIENCE));
    CHECK(succeeds(*client, client->ingest(props, "1,a\n", PATIENCE)));
    CHECK(ends(*client, client->ingest(props, "1,a\n", PATIENCE), kusto::item_state::skipped));
    CHECK(table.rows() == 1);
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
        return skip_all(18);
    const kusto::client connected = connect();
    client = &connected;
    RUN(the_service_sees_the_language_and_its_standard);
    RUN(a_fixed_token_is_sent);
    RUN(an_answer_at_once_is_asked_once);
    RUN(an_answer_from_another_thread);
    RUN(a_login_that_is_refused_forgotten_or_throws_is_an_error);
    RUN(what_a_login_throws_is_the_cause_of_every_call);
    RUN(a_login_that_fails_for_a_while_is_asked_again);
    RUN(rows_have_names_types_and_nulls);
    RUN(every_scalar_has_its_type);
    RUN(every_scalar_but_a_text_can_be_null);
    RUN(values_at_the_ends_of_their_types_are_exact);
    RUN(notations_that_are_none_are_refused);
    RUN(rows_can_be_looped_over);
    RUN(commands_work_without_a_database_and_with_options);
    RUN(commands_are_written_with_names_and_types);
    RUN(errors_of_the_service_tell_what_and_where);
    RUN(a_token_outlives_its_client);
    RUN(an_unknown_table_is_a_failure_with_a_code);
    RUN(the_table_is_checked_and_a_key_ingests_once);
    RUN(failures_and_successes_are_peeked_and_taken);
    return harness::end();
}
