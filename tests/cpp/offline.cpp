// Tests without a service: types, versions, errors, settings, limits, a dead host, the log.
#include "harness.hpp"

#include <array>
#include <filesystem>
#include <sstream>
#include <system_error>

using namespace harness;
using namespace std::chrono_literals;

// Owners can be moved and not copied.
template <class T> constexpr bool moves_only =
    std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T> &&
    !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T>;
static_assert(moves_only<kusto::client> && moves_only<kusto::config> && moves_only<kusto::credential>);
static_assert(moves_only<kusto::props> && moves_only<kusto::source> && moves_only<kusto::push_stream>);
static_assert(moves_only<kusto::operation<kusto::receipt>> && moves_only<kusto::receipt> && moves_only<kusto::report>);
static_assert(moves_only<kusto::rows> && moves_only<kusto::command> && moves_only<kusto::request_options>);
static_assert(moves_only<kusto::token_request>);
// An exception is copied while it is thrown.
static_assert(std::is_nothrow_copy_constructible_v<kusto::error>);
static_assert(std::is_error_code_enum_v<kusto::errc>);

static void the_library_fits_the_header()
{
    CHECK(kusto::version_number() == KUSTO_VERSION_NUMBER);
    CHECK(kusto::abi_version() == KUSTO_ABI_VERSION);
    CHECK(kusto::build_info().find(kusto::version()) != std::string_view::npos);
    CHECK(!kusto::has_feature("arrow") && !kusto::has_feature({}));
    CHECK(kusto::is_command("// a comment\n.show tables") && !kusto::is_command("T") && !kusto::is_command({}));
    CHECK(kusto::try_after_fork_child());
}

// A name that the enumerators do not have would fall out of the switch.
static bool is_known(kusto::errc code)
{
    using kusto::errc;
    switch (code) {
    case errc::ok: case errc::invalid_argument: case errc::invalid_state: case errc::unsupported:
    case errc::timed_out: case errc::would_block: case errc::cancelled: case errc::config: case errc::auth:
    case errc::network: case errc::throttled: case errc::service: case errc::not_found: case errc::source_io:
    case errc::too_large: case errc::callback: case errc::partial: case errc::forked: case errc::internal:
        return true;
    }
    return false;
}

static void every_status_of_the_library_has_its_enumerator()
{
    const kusto_status *list = nullptr;
    const std::size_t count = kusto_status_list(&list);
    for (std::size_t i = 0; i < count; i++)
        CHECK(is_known(static_cast<kusto::errc>(list[i])));
    CHECK(kusto::name_of(kusto::errc::timed_out) == "TIMED_OUT");
    CHECK(kusto::name_of(static_cast<kusto::errc>(4711)) == "UNKNOWN");
}

static void enumerators_have_names()
{
    CHECK(kusto::name_of(kusto::item_state::succeeded) == "succeeded" && kusto::name_of(kusto::data_format::csv) == "csv");
    CHECK(kusto::name_of(kusto::retry_class::later) == "later" && kusto::name_of(kusto::log_level::warn) == "warn");
    CHECK(kusto::name_of(kusto::report_level::do_not_report) == "none" && kusto::name_of(kusto::outcome::failures) == "failures");
    CHECK(kusto::name_of(kusto::compression::gzip) == "gzip" && kusto::name_of(kusto::report_method::table) == "table");
    CHECK(kusto::name_of(kusto::operation_state::running) == "running");
    CHECK(kusto::name_of(kusto::prompt_kind::browser) == "browser" && kusto::name_of(kusto::prompted::open_browser) == "open_browser");
    CHECK(kusto::name_of(kusto::identity_kind::system) == "system");
    CHECK(kusto::name_of(static_cast<kusto::item_state>(4711)) == "unknown");
    std::ostringstream out;
    out << kusto::item_state::failed << ' ' << kusto::errc::timed_out << ' ' << kusto::operation_state::cancelled << ' '
        << kusto::prompt_kind::device_code;
    CHECK(out.str() == "failed TIMED_OUT cancelled device_code");
}

static void an_error_is_written_with_its_name_and_its_message()
{
    const kusto::result<kusto::config> wrong = kusto::config::try_make("No Such Keyword=1");
    CHECK(!wrong);
    std::ostringstream out;
    out << wrong.error();
    CHECK(out.str() == std::string(kusto::name_of(wrong.error().code())) + ": " + wrong.error().what());
    CHECK(wrong.error().permanent() && !wrong.error().retryable());
}

static void limits_come_from_any_clock_and_duration()
{
    using kusto::time_limit;
    CHECK(time_limit().milliseconds() == KUSTO_FOREVER);
    CHECK(time_limit(2min).milliseconds() == 120000 && time_limit(0s).milliseconds() == 0);
    CHECK(time_limit(1us).milliseconds() == 1 && time_limit(-5s).milliseconds() == 0);
    CHECK(time_limit(std::chrono::duration<double>(0.25)).milliseconds() == 250);
    CHECK(time_limit(std::chrono::hours::max()).milliseconds() == KUSTO_FOREVER);
    CHECK(time_limit(std::chrono::steady_clock::now() - 1s).milliseconds() == 0);
    const auto left = time_limit(std::chrono::system_clock::now() + 1h).milliseconds();
    CHECK(left > 3500000 && left <= 3600001);
}

static void bytes_come_from_any_container()
{
    const auto size = [](kusto::bytes_view bytes) { return bytes.size(); };
    const std::array<unsigned char, 3> three{};
    CHECK(size("abc") == 3 && size(std::string("ab\0c", 4)) == 4 && size(std::string_view("a")) == 1);
    CHECK(size(std::vector<std::byte>(5)) == 5 && size(three) == 3 && size({three.data(), 2}) == 2);
}

static void configs_mask_secrets_and_name_what_is_wrong()
{
    kusto::config config("https://c.kusto.windows.net;Fed=true;Application Token=s3cret");
    CHECK(config.redacted().find("s3cret") == std::string_view::npos);
    config.set("Initial Catalog", "Дб").set("applicationtoken", "0ther");
    CHECK(config.redacted().find("Дб") != std::string_view::npos);
    CHECK(config.redacted().find("0ther") == std::string_view::npos);
    CHECK_CODE(config, config.try_set("no such key", "x"));
    try {
        kusto::config wrong("Data Source=https://c.kusto.windows.net;Colour=red");
        CHECK(!"thrown");
    } catch (const kusto::error &error) {
        CHECK(error.code() == kusto::errc::config && error.permanent() && !error.in_doubt());
        CHECK(error.step() == "parse connection string" && error.host().empty() && error.http_status() == 0);
        CHECK(std::string_view(error.what()).find("Colour") != std::string_view::npos);
        CHECK(error.json().find("\"status\":\"CONFIG\"") != std::string_view::npos);
        CHECK(error.attempts().empty() && !error.retry_after() && !error.cause());
    }
}

static void errors_outlive_what_they_came_from()
{
    std::optional<kusto::error> kept;
    {
        const auto came = dead_client().try_execute("", ".show version", PATIENCE);
        CHECK_CODE(network, came);
        kept = came.error();
    }
    CHECK(kept->host() == "127.0.0.1:1" && kept->step() == "run command");
    CHECK(kept->retry() == kusto::retry_class::later && !kept->permanent());
    CHECK(!kept->client_request_id().empty() && kept->service_code().empty() && kept->activity_id().empty());
    CHECK(kept->c_ptr() != nullptr);
}

static void what_was_moved_from_is_refused()
{
    kusto::config config("Data Source=http://127.0.0.1:1;Fed=false");
    const kusto::config taken = std::move(config);
    CHECK(taken && !config);
    CHECK_CODE(invalid_argument, config.try_set("application", "x"));
    CHECK(config.redacted().empty());
    CHECK_CODE(invalid_argument, kusto::client::try_make(config));

    kusto::props props("d", "t");
    kusto::props other = std::move(props);
    props = std::move(other);
    CHECK(props && !other);
    CHECK_CODE(invalid_argument, other.try_clone());

    const kusto::client client = dead_client();
    kusto::source source = kusto::source::bytes("1,a\n");
    const kusto::source thief = std::move(source);
    CHECK(refuses(client.try_ingest(props, std::move(source), 1s), "source"));
    CHECK(refuses(client.try_start_ingest(other, kusto::source::bytes("1,a\n")), "props"));
    kusto::operation<kusto::receipt> nothing(nullptr);
    CHECK_CODE(invalid_argument, nothing.try_get(1s));
    nothing.cancel();
}

static void properties_and_sources_are_checked()
{
    kusto::props props("Дб", "表");
    props.set_format(kusto::data_format::json).set_mapping_ref("m").add_tag("drop-by:x").set("ignoreFirstRecord", "true");
    const kusto::props copy = props.clone();
    CHECK(copy && props);
    CHECK_CODE(invalid_argument, props.try_set_format(static_cast<kusto::data_format>(99)));
    CHECK_CODE(invalid_argument, props.try_set_mapping_json("{"));
    CHECK_CODE(invalid_argument, props.try_set("ignoreFirstRecord", "perhaps"));
    CHECK_CODE(invalid_argument, kusto::props::try_make("", "t"));
    CHECK_CODE(invalid_argument, kusto::source::try_fd(-1));
    kusto::source blobs = kusto::source::blobs();
    CHECK_CODE(invalid_state, blobs.try_set_id("7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001"));
    CHECK_CODE(invalid_state, kusto::source::bytes("x").try_add_blob("https://a/b?sas"));
    CHECK_CODE(invalid_argument, kusto::source::bytes("x").try_set_id("no uuid"));
    CHECK_CODE(invalid_argument, kusto::source::bytes("x").try_set_compression(static_cast<kusto::compression>(9)));
}

// A C text that a program forgot to set.
static const char *const unset = nullptr;

static void a_null_text_is_refused_by_the_name_of_its_argument()
{
    CHECK(refuses(kusto::config::try_make(unset), "connection_string"));
    kusto::config config("Data Source=http://127.0.0.1:1;Fed=false");
    CHECK(refuses(config.try_set(unset, "x"), "key") && refuses(config.try_set("application", unset), "value"));
    CHECK(refuses(kusto::props::try_make(unset, "t"), "database") && refuses(kusto::props::try_make("d", unset), "table"));
    kusto::props props("d", "t");
    CHECK(refuses(props.try_set_mapping_ref(unset), "name") && refuses(props.try_set_mapping_json(unset), "json"));
    CHECK(refuses(props.try_add_tag(unset), "tag") && refuses(props.try_set(unset, "x"), "key"));
    CHECK(refuses(props.try_set("format", unset), "value"));
    CHECK(refuses(props.try_set_additional(unset, "x"), "key") && refuses(props.try_set_additional("a", unset), "value"));
    CHECK(refuses(kusto::credential::try_token(unset), "token"));
    CHECK(refuses(kusto::source::try_file(unset), "path") && refuses(kusto::source::try_bytes(unset), "data"));
    int given_back = 0;
    CHECK(refuses(kusto::source::try_borrowed(unset, [&] { given_back++; }), "data") && given_back == 1);
    kusto::source blobs = kusto::source::blobs();
    CHECK(refuses(blobs.try_add_blob(unset), "url") && refuses(blobs.try_add_blob("https://a/b", 0, unset), "source_id"));
    CHECK(refuses(kusto::source::bytes("x").try_set_id(unset), "uuid"));
    CHECK(refuses(kusto::command::try_create_table(unset), "table"));
    kusto::command table = kusto::command::create_table("t");
    CHECK(refuses(table.try_add_column(unset, "long"), "name") && refuses(table.try_add_column("a", unset), "type_name"));
    const auto csv = kusto::data_format::csv;
    CHECK(refuses(kusto::command::try_create_mapping("t", csv, unset, "[]"), "name"));
    CHECK(refuses(kusto::command::try_create_mapping("t", csv, "m", unset), "json"));
    kusto::request_options options;
    CHECK(refuses(options.try_set(unset, "x"), "name") && refuses(options.try_set("a", unset), "value"));
    CHECK(refuses(options.try_set_parameter(unset, "x"), "name"));
    CHECK(refuses(options.try_set_client_request_id(unset), "id"));
    CHECK(!kusto::has_feature(unset) && !kusto::is_command(unset));
}

// A tenant, a hint and a file are optional: a null text means that there is none, as in C.
static void a_null_text_is_refused_by_logins_too()
{
    using kusto::credential;
    CHECK(refuses(credential::try_app_key("t", unset, "k"), "client_id") && refuses(credential::try_app_key("t", "a", unset), "key"));
    CHECK(refuses(credential::try_user_password("t", unset, "p"), "user"));
    CHECK(refuses(credential::try_user_password("t", "u", unset), "password"));
    CHECK(refuses(credential::try_certificate("t", unset, "file"), "client_id"));
    CHECK(refuses(credential::try_managed_identity(kusto::identity_kind::client_id, unset), "id"));
    CHECK(refuses(credential::try_on_behalf_of(credential::app_key("t", "a", "k"), unset), "user_token"));
    CHECK(credential::try_interactive(unset, unset) && credential::try_workload_identity("t", "a", unset));
}

static void a_null_text_is_refused_by_calls_too()
{
    const kusto::client client = dead_client();
    const kusto::props props("d", "t");
    CHECK(refuses(client.try_ingest(props, unset), "data"));
    CHECK(refuses(client.try_execute(unset, "print 1"), "database") && refuses(client.try_execute("d", unset), "command"));
    CHECK(refuses(client.try_start_execute(unset, "print 1"), "database"));
    CHECK(refuses(client.try_start_execute("d", unset), "command"));
    CHECK(refuses(client.try_track(unset), "token") && refuses(client.try_start_track(unset), "token"));
    CHECK(refuses(client.try_track_until_final(unset, 1s), "token"));
    CHECK(refuses(client.try_start_track_until_final(unset, 1s), "token"));
    // Without a token these would mean the notifications of everybody.
    CHECK(refuses(client.try_peek_outcomes(kusto::outcome::failures, unset, 1), "token"));
    CHECK(refuses(client.try_take_outcomes(kusto::outcome::failures, unset, 1), "token"));
    CHECK(refuses(client.try_start_peek_outcomes(kusto::outcome::failures, unset, 1), "token"));
    CHECK(refuses(client.try_start_take_outcomes(kusto::outcome::failures, unset, 1), "token"));
    kusto::push_stream stream = client.stream(props);
    CHECK(refuses(stream.try_write(unset), "data") && refuses(stream.try_fail(unset), "message"));
    try {
        client.execute(unset, "print 1");
        CHECK(!"thrown");
    } catch (const kusto::error &error) {
        CHECK(std::string_view(error.what()).find("database") != std::string_view::npos);
        CHECK(error.permanent() && !error.in_doubt());
    }
}

static void setters_can_be_chained_into_a_call()
{
    const kusto::client client = dead_client();
    const auto came = client.try_ingest(
        kusto::props("d", "t").set_format(kusto::data_format::csv).add_tag("drop-by:x").set("ignoreFirstRecord", "true"),
        kusto::source::bytes("1,a\n").set_compression(kusto::compression::none).set_progress([](kusto::progress) {}),
        PATIENCE);
    CHECK_CODE(network, came);
    const kusto::props kept = kusto::props("d", "t").set_mapping_ref("m").set_reporting(
        kusto::report_level::do_not_report, kusto::report_method::queue);
    CHECK(kept);
    const kusto::source blob = kusto::source::blobs().add_blob("https://a.blob.core.windows.net/c/b?sig=x");
    CHECK(blob);
    CHECK(kusto::command::create_table("t").add_column("a", "long").text() == ".create table ['t'] (['a']:long)");
    CHECK_CODE(network, client.try_execute("d", "print n", PATIENCE, kusto::request_options().set_parameter("n", "1")));
    const kusto::config config = kusto::config("Data Source=http://127.0.0.1:1;Fed=false").set("retry time", "0");
    CHECK(kusto::client(config));
}

static void paths_name_files_and_settings()
{
    const std::filesystem::path path = std::filesystem::path("no such directory") / "größe.csv";
    CHECK(kusto::source::try_file(path) && kusto::source::file(path));
    kusto::config config("Data Source=http://127.0.0.1:1;Fed=false");
    CHECK_CODE(config, config.try_set("no such key", path));
    CHECK(config.try_set("Initial Catalog", path) && config.redacted().find("größe.csv") != std::string_view::npos);
}

static void codes_are_error_codes()
{
    const std::error_code late = kusto::errc::timed_out;
    CHECK(late && late == kusto::errc::timed_out && late == std::errc::timed_out && late != kusto::errc::network);
    CHECK(late.category() == kusto::error_category() && std::string_view(late.category().name()) == "kusto");
    CHECK(late.message() == "The deadline of the call passed.");
    CHECK(!std::error_code(kusto::errc::ok) && !kusto::result<void>().as_error_code());
    CHECK(!std::error_code(static_cast<kusto::errc>(4711)).message().empty());
    const auto came = kusto::props::try_make("", "t");
    CHECK(came.as_error_code() == std::errc::invalid_argument);
    const std::error_code converted = came.failure();
    CHECK(converted == kusto::errc::invalid_argument && came.failure().as_error_code() == converted);
    try {
        throw std::system_error(kusto::errc::cancelled);
    } catch (const std::system_error &thrown) {
        CHECK(thrown.code() == std::errc::operation_canceled);
    }
}

// Counts the live ones among its copies.
struct token_of_life {
    std::atomic<int> *count;
    explicit token_of_life(std::atomic<int> &of) : count(&of) { ++*count; }
    token_of_life(const token_of_life &other) : count(other.count) { ++*count; }
    ~token_of_life() { --*count; }
};

static void callables_are_destroyed_also_when_nothing_comes_of_them()
{
    std::atomic<int> alive{0};
    std::atomic<int> given_back{0};
    const auto read = [life = token_of_life(alive)](void *, std::size_t) { return 0; };
    const auto tell = [life = token_of_life(alive)](const kusto::progress &) {};
    const auto done = [life = token_of_life(alive)](kusto::result<kusto::receipt>) { CHECK(!"called"); };
    const int ours = alive;
    {
        kusto::source source = kusto::source::reader(read);
        source.set_progress(tell).clear_progress().set_progress(tell);
        CHECK_CODE(invalid_state, kusto::source::blobs().try_set_progress(tell));
        const kusto::client nobody(nullptr);
        CHECK_CODE(invalid_argument, nobody.try_start_ingest(kusto::props("d", "t"), std::move(source), 1s, done));
        const kusto::source borrowed = kusto::source::borrowed("1,a\n", [&] { given_back++; });
        CHECK(given_back == 0);
        CHECK(kusto::credential::callback([life = token_of_life(alive)](kusto::token_request &) {}));
    }
    CHECK(alive == ours && given_back == 1);
}

static void the_log_goes_to_a_callable_until_it_is_taken_away()
{
    std::atomic<int> alive{0}, lines{0};
    kusto::set_log(kusto::log_level::trace, [&lines, life = token_of_life(alive)](kusto::log_level level,
                                                std::string_view target, std::string_view message) {
        CHECK(level != kusto::log_level::off && !target.empty() && !message.empty());
        lines++;
        throw std::runtime_error("no disk");
    });
    CHECK_CODE(network, dead_client().try_warm_up(PATIENCE));
    CHECK(lines > 0 && alive == 1);
    kusto::clear_log();
    CHECK(eventually([&] { return alive == 0; }));
    const int before = lines;
    CHECK_CODE(network, dead_client().try_warm_up(PATIENCE));
    CHECK(lines == before);
}

static void calls_end_when_their_thread_uses_a_cancellation()
{
    const kusto::client client = dead_client();
    const kusto::cancellation stop;
    stop.use();
    CHECK(!stop.is_signalled());
    CHECK_CODE(network, client.try_warm_up(PATIENCE));
    stop.signal();
    CHECK(stop.is_signalled());
    CHECK_CODE(cancelled, client.try_warm_up(PATIENCE));
    CHECK_CODE(cancelled, client.try_execute("", "print 1", PATIENCE));
    kusto::cancellation::use_none();
    CHECK_CODE(network, client.try_warm_up(PATIENCE));
    kusto::cancellation taken = kusto::cancellation();
    const kusto::cancellation other = std::move(taken);
    taken.signal();
    CHECK(!taken.is_signalled() && !other.is_signalled());
}

static void a_key_and_its_table_are_checked()
{
    kusto::props props = kusto::props("d", "t").once("file:0-7");
    CHECK(props && refuses(props.try_once(""), "key") && refuses(props.try_once(unset), "key"));
    CHECK_CODE(network, dead_client().try_warm_up(props, PATIENCE));
    CHECK_CODE(network, dead_client().start_warm_up(props, PATIENCE).try_get(PATIENCE));
    const kusto::props taken = std::move(props);
    CHECK(refuses(dead_client().try_warm_up(props, PATIENCE), "props"));
}

static void a_client_has_a_log_of_its_own()
{
    std::atomic<int> alive{0}, own{0}, common{0};
    kusto::set_log(kusto::log_level::trace, [&common](kusto::log_level, std::string_view, std::string_view) { common++; });
    {
        const kusto::client client(kusto::config("Data Source=http://127.0.0.1:1;Fed=false")
                                       .set("retry time", "0")
                                       .set_log(kusto::log_level::trace,
                                                [&own, life = token_of_life(alive)](const kusto::log_event &event) {
                                                    CHECK(!event.name.empty() && !event.message.empty());
                                                    CHECK(event.fields.front() == '{' && event.fields.back() == '}');
                                                    own++;
                                                    throw std::runtime_error("no disk");
                                                }));
        CHECK_CODE(network, client.try_warm_up(PATIENCE));
        CHECK(own > 0 && common == 0 && alive == 1);
    }
    CHECK(eventually([&] { return alive == 0; }));
    kusto::config config("Data Source=http://127.0.0.1:1;Fed=false");
    config.set_log(kusto::log_level::error, [life = token_of_life(alive)](const kusto::log_event &) {}).clear_log();
    CHECK(alive == 0);
    CHECK_CODE(invalid_argument, config.try_set_log(static_cast<kusto::log_level>(99), [](const kusto::log_event &) {}));
    kusto::clear_log();
}

static std::int32_t shown_by(void (*show)(const kusto::prompt &))
{
    return kusto::detail::show_prompt<void (*)(const kusto::prompt &)>(&show, KUSTO_PROMPT_DEVICE_CODE, "u", 1, "c", 1,
                                                                       "m", 1, 1);
}

/* The library passes on what a prompt returns, and nothing else. */
static void what_a_prompt_throws_is_the_cause()
{
    CHECK(shown_by([](const kusto::prompt &asked) { CHECK(asked.code == "c"); }) == KUSTO_PROMPTED_SHOWN);
    const auto one = shown_by([](const kusto::prompt &) { throw std::runtime_error("no screen"); });
    const auto other = shown_by([](const kusto::prompt &) { throw std::logic_error("no hands"); });
    CHECK(one < 0 && other < 0 && one != other);
    const auto cause = kusto::detail::token_failures::all().cause_of(
        "the program could not show what the login asks: its prompt returned " + std::to_string(one));
    try {
        if (CHECK(cause != nullptr))
            std::rethrow_exception(cause);
    } catch (const std::exception &thrown) {
        CHECK(std::string_view(thrown.what()) == "no screen");
    }
    CHECK(kusto::detail::token_failures::all().cause_of("its prompt returned -1") == nullptr);
}

int main()
{
    RUN(the_library_fits_the_header);
    RUN(every_status_of_the_library_has_its_enumerator);
    RUN(enumerators_have_names);
    RUN(an_error_is_written_with_its_name_and_its_message);
    RUN(limits_come_from_any_clock_and_duration);
    RUN(bytes_come_from_any_container);
    RUN(configs_mask_secrets_and_name_what_is_wrong);
    RUN(errors_outlive_what_they_came_from);
    RUN(what_was_moved_from_is_refused);
    RUN(properties_and_sources_are_checked);
    RUN(a_null_text_is_refused_by_the_name_of_its_argument);
    RUN(a_null_text_is_refused_by_logins_too);
    RUN(a_null_text_is_refused_by_calls_too);
    RUN(setters_can_be_chained_into_a_call);
    RUN(paths_name_files_and_settings);
    RUN(codes_are_error_codes);
    RUN(callables_are_destroyed_also_when_nothing_comes_of_them);
    RUN(the_log_goes_to_a_callable_until_it_is_taken_away);
    RUN(calls_end_when_their_thread_uses_a_cancellation);
    RUN(a_key_and_its_table_are_checked);
    RUN(a_client_has_a_log_of_its_own);
    RUN(what_a_prompt_throws_is_the_cause);
    return harness::end();
}
