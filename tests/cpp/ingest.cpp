// All blocking kinds of ingestion, against a service: sources of every kind, and callbacks that
// throw.
#include "harness.hpp"

#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <sys/stat.h>

using namespace harness;
using namespace std::chrono_literals;

static const kusto::client *client;

// The text of an error contains this.
static bool says(const kusto::error &error, std::string_view text)
{
    return std::string_view(error.what()).find(text) != std::string_view::npos;
}

// The exception of a callback, as text.
static std::string thrown_by(const kusto::error &error)
{
    try {
        if (error.cause())
            std::rethrow_exception(error.cause());
    } catch (const std::exception &cause) {
        return cause.what();
    } catch (int number) {
        return std::to_string(number);
    }
    return "nothing";
}

// A temporary file, removed at the end.
class temporary {
public:
    explicit temporary(const std::string &text)
    {
        const int fd = mkstemp(path_.data());
        CHECK(fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
        close(fd);
    }
    temporary(const temporary &) = delete;
    ~temporary() { unlink(path_.c_str()); }
    const std::string &path() const { return path_; }

private:
    std::string path_ = "/tmp/kusto_cpp_XXXXXX";
};

static void memory_copied_moved_in_and_borrowed()
{
    const table table(*client, "memory");
    const kusto::props props = table.props();
    std::string csv = "1,one\n2,two\n";
    kusto::source copied = kusto::source::bytes(csv);
    csv.assign(csv.size(), 'x');
    const kusto::receipt receipt = client->ingest(props, std::move(copied), PATIENCE);
    CHECK(receipt.bytes_raw() == 12 && receipt.bytes_sent() > 0 && receipt.size() == 1);
    CHECK(receipt.source_id() == receipt.item_source_id(0) && receipt.item_source_id(1).empty());
    CHECK(!receipt.item_blob(0).empty() && receipt.item_blob(0).find('?') == std::string_view::npos);
    CHECK(succeeds(*client, receipt));

    const std::string_view row = "3,three\n";
    std::vector<unsigned char> moved(row.begin(), row.end());
    CHECK(succeeds(*client, client->ingest(props, kusto::source::owned(std::move(moved)), PATIENCE)));
    int given_back = 0;
    CHECK(succeeds(*client, client->ingest(props, kusto::source::borrowed(row, [&] { given_back++; }), PATIENCE)));
    CHECK(given_back == 1);
    CHECK(succeeds(*client, client->ingest(props, "5,five\n", PATIENCE)));
    CHECK(succeeds(*client, client->ingest(props, std::array<char, 4>{'6', ',', 'a', '\n'}, PATIENCE)));
    CHECK(table.rows() == 6);
}

// Whether both descriptors are open and of one file.
static bool is_same_file(int one, int other)
{
    struct stat first, second;
    return fstat(one, &first) == 0 && fstat(other, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

static void a_file_and_a_descriptor()
{
    const table table(*client, "files");
    kusto::props props = table.props();
    const temporary file("skipped\n1,a\n2,b\n");
    std::FILE *open = std::fopen(file.path().c_str(), "r");
    CHECK(lseek(fileno(open), 8, SEEK_SET) == 8);
    const kusto::receipt rest = client->ingest(props, kusto::source::fd(fileno(open)), PATIENCE);
    CHECK(rest.bytes_raw() == 8 && succeeds(*client, rest));
    const int given = dup(fileno(open));
    CHECK(lseek(given, 12, SEEK_SET) == 12);
    CHECK(succeeds(*client, client->ingest(props, kusto::source::fd(given, true), PATIENCE)));
    // Closed; its number may be that of a connection already.
    CHECK(!is_same_file(given, fileno(open)));
    std::fclose(open);

    props.set("ignoreFirstRecord", "true");
    CHECK(succeeds(*client, client->ingest(props, kusto::source::file(file.path()), PATIENCE)));
    CHECK(table.rows() == 5);
    CHECK_CODE(source_io, client->try_ingest(props, kusto::source::file("/no/such/file"), PATIENCE));
    CHECK_CODE(source_io, client->try_ingest(props, std::filesystem::path("/no/such/file"), PATIENCE));
    const auto missing_file = client->try_ingest(props, kusto::source::file("/no/such/file"), PATIENCE);
    CHECK(missing_file.error().system_code() == ENOENT);
}

static void a_reader_runs_on_the_calling_thread()
{
    const table table(*client, "reader");
    const auto here = std::this_thread::get_id();
    int given = 0, elsewhere = 0;
    kusto::source source = kusto::source::reader([&](void *buffer, std::size_t capacity) {
        elsewhere += std::this_thread::get_id() != here;
        return given < 500 ? std::snprintf(static_cast<char *>(buffer), capacity, "%d,row\n", ++given) : 0;
    });
    CHECK(succeeds(*client, client->ingest(table.props(), std::move(source), PATIENCE)));
    CHECK(given == 500 && elsewhere == 0 && table.rows() == 500);
}

static void a_callable_that_cannot_be_copied_reads()
{
    const table table(*client, "move only");
    auto rows = std::make_unique<std::string>("1,a\n2,b\n");
    kusto::source source = kusto::source::reader([rows = std::move(rows)](void *buffer, std::size_t capacity) {
        const std::size_t given = rows->copy(static_cast<char *>(buffer), capacity);
        rows->erase(0, given);
        return given;
    });
    CHECK(succeeds(*client, client->ingest(table.props(), std::move(source), PATIENCE)));
    CHECK(table.rows() == 2);
}

static void any_istream()
{
    const table table(*client, "istream");
    const kusto::props props = table.props();
    std::istringstream text("skipped 1,a\n2,b\n");
    std::string word;
    text >> word;
    text.get();
    // A mask must not make the end of the data an exception.
    text.exceptions(std::ios::eofbit | std::ios::failbit);
    CHECK(succeeds(*client, client->ingest(props, kusto::source::istream(text), PATIENCE)));

    const temporary file("3,c\n");
    kusto::source given_away = kusto::source::istream(std::make_unique<std::ifstream>(file.path(), std::ios::binary));
    CHECK(succeeds(*client, client->ingest(props, std::move(given_away), PATIENCE)));
    CHECK(table.rows() == 3);

    std::ifstream missing("/no/such/file");
    CHECK_CODE(source_io, client->try_ingest(props, kusto::source::istream(missing), PATIENCE));
    CHECK_CODE(source_io, client->try_ingest(props, kusto::source::istream(nullptr), PATIENCE));
    std::istringstream empty;
    CHECK(refuses(client->try_ingest(props, kusto::source::istream(empty), PATIENCE), "source"));
}

static void a_directory_is_a_stream_that_fails()
{
    // libstdc++ opens it and fails in its buffer, by an exception that must be returned to the
    // caller.
    std::ifstream directory("/tmp");
    const kusto::props props(database(), "nowhere");
    const auto came = client->try_ingest(props, kusto::source::istream(directory), PATIENCE);
    CHECK(gives(came, kusto::errc::source_io) && came.error().cause() != nullptr);
}

static void blobs_in_storage()
{
    // Blobs of `id,text` rows, with their SAS, separated by spaces.
    const char *given = std::getenv("KUSTO_TEST_BLOBS");
    const std::string id = "7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001";
    if (!CHECK(given != nullptr))
        return;
    const table table(*client, "blobs");
    kusto::source source = kusto::source::blobs();
    std::istringstream urls(given);
    std::size_t blobs = 0;
    for (std::string url; urls >> url; blobs++)
        source.add_blob(url, 0, blobs == 0 ? std::optional<std::string_view>(id) : std::nullopt);
    const kusto::receipt receipt = client->ingest(table.props(), std::move(source), PATIENCE);
    CHECK(receipt.size() == blobs && receipt.bytes_sent() == 0 && receipt.source_id() == id);
    CHECK(!receipt.item_source_id(blobs - 1).empty());
    CHECK(succeeds(*client, receipt) && table.rows() > 0);
}

static void no_data_is_an_error_that_names_the_source()
{
    const kusto::props props(database(), "nowhere");
    CHECK(refuses(client->try_ingest(props, "", PATIENCE), "source"));
    CHECK(refuses(client->try_ingest(props, kusto::source::owned(std::string()), PATIENCE), "source"));
    CHECK(refuses(client->try_ingest(props, kusto::source::bytes(""), PATIENCE), "source"));
    CHECK(refuses(client->try_ingest(props, kusto::source::blobs(), PATIENCE), "source"));
    const auto at_the_end = [](void *, std::size_t) { return 0; };
    CHECK(refuses(client->try_ingest(props, kusto::source::reader(at_the_end), PATIENCE), "source"));
}

static void names_may_hold_any_character()
{
    const table table(*client, "Таблица 表 ä.b-c");
    CHECK(succeeds(*client, client->ingest(table.props(), "1,größer\n", PATIENCE)));
    kusto::rows rows = client->execute(database(), "['" + table.name() + "']", PATIENCE);
    CHECK(rows.next() && rows.text(1) == "größer");
}

static void compressed_data_and_given_ids()
{
    // gzip of "1,a\n"
    const std::array<unsigned char, 24> gz{31, 139, 8,   0, 0, 0,   0,  0,   2,   255, 51, 212,
                                              73, 228, 2, 0, 164, 76, 183, 196, 4,   0,   0,  0};
    const std::string id = "7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab0aa";
    const table table(*client, "gzip");
    const kusto::receipt receipt = client->ingest(
        table.props().set("clientRequestId", "cpp;gzip"),
        kusto::source::bytes(gz).set_compression(kusto::compression::gzip).set_raw_size(4).set_id(id), PATIENCE);
    CHECK(receipt.client_request_id() == "cpp;gzip" && receipt.bytes_sent() == gz.size() && receipt.bytes_raw() == 4 && receipt.source_id() == id);
    CHECK(succeeds(*client, receipt) && table.rows() == 1);
    kusto::source wrong = kusto::source::bytes("1,a\n");
    wrong.set_compression(kusto::compression::gzip);
    CHECK(refuses(client->try_ingest(table.props(), std::move(wrong), PATIENCE), "source"));
}

static void progress_ends_at_the_size()
{
    const table table(*client, "progress");
    const std::string csv = "1," + std::string(3000000, 'x') + "\n";
    kusto::progress last{};
    kusto::source source = kusto::source::bytes(csv);
    source.set_progress([&](const kusto::progress &now) {
        CHECK(now.read >= last.read);
        last = now;
    });
    CHECK(client->ingest(table.props(), std::move(source), PATIENCE).bytes_raw() == csv.size());
    CHECK(last.read == csv.size() && last.total == csv.size());
}

static void what_a_reader_throws_comes_back_and_nothing_is_ingested()
{
    const table table(*client, "throwing");
    const kusto::props props = table.props();
    const auto after_a_row = [](auto fail) {
        return kusto::source::reader([fail, row = false](void *buffer, std::size_t capacity) mutable -> std::int64_t {
            return std::exchange(row, true) ? fail() : std::snprintf(static_cast<char *>(buffer), capacity, "1,bad\n");
        });
    };
    try {
        client->ingest(props, after_a_row([]() -> std::int64_t { throw std::runtime_error("the disk burns"); }),
                       PATIENCE);
        CHECK(!"thrown");
    } catch (const kusto::error &error) {
        CHECK(error.code() == kusto::errc::source_io && !error.in_doubt() && error.c_ptr() != nullptr);
        CHECK(says(error, "the disk burns") && thrown_by(error) == "the disk burns");
    }
    const auto odd = client->try_ingest(props, after_a_row([]() -> std::int64_t { throw 42; }), PATIENCE);
    CHECK(gives(odd, kusto::errc::source_io) && thrown_by(odd.error()) == "42");
    const auto refused = client->try_ingest(props, after_a_row([]() -> std::int64_t { return -1; }), PATIENCE);
    CHECK(gives(refused, kusto::errc::source_io) && thrown_by(refused.error()) == "nothing");
    const auto wrong = client->try_ingest(
        props, kusto::source::reader([](void *, std::size_t capacity) { return capacity + 1; }), PATIENCE);
    CHECK_CODE(callback, wrong);
    // A later ingestion shows that the earlier data is missing, not late.
    CHECK(succeeds(*client, client->ingest(props, "1,good\n", PATIENCE)) && table.rows() == 1);
}

static void what_progress_throws_comes_back_in_doubt()
{
    const table table(*client, "telling");
    kusto::source source = kusto::source::bytes("1,a\n");
    std::atomic<int> calls{0};
    source.set_progress([&](const kusto::progress &) {
        calls++;
        throw std::runtime_error("no window");
    });
    const auto came = client->try_ingest(table.props(), std::move(source), PATIENCE);
    CHECK(gives(came, kusto::errc::callback) && came.error().in_doubt() && thrown_by(came.error()) == "no window");
    CHECK(calls == 1);
    // The error agrees with the outcome: the data arrives.
    CHECK(eventually([&] { return table.rows() == 1; }));
}

// A client in this mode.
static kusto::client client_in(const char *mode)
{
    kusto::config config(connection());
    config.set("ingestion mode", mode);
    return kusto::client(config);
}

static void take_streams(const table &table)
{
    client->execute(database(), ".alter table ['" + table.name() + "'] policy streamingingestion enable", PATIENCE);
}

static void streamed_data_is_in_the_table_when_the_call_returns()
{
    const table table(*client, "streamed");
    take_streams(table);
    const kusto::receipt receipt = client_in("streaming").ingest(table.props(), "1,a\n2,b\n", PATIENCE);
    CHECK(table.rows() == 2);
    CHECK(receipt.route() == kusto::route::streamed && receipt.attempts() == 1);
    CHECK(!receipt.fallback_cause() && !receipt.possibly_duplicated());
    const std::optional<kusto::update_policy> policy = receipt.update_policy();
    CHECK(policy && policy->status == "Inactive" && policy->failure_code == "Unknown");
    CHECK(policy && policy->failure_reason.empty() && !policy->failed);
    CHECK(succeeds(*client, receipt));
}

static void a_call_has_a_mode_of_its_own()
{
    using kusto::ingestion_mode, kusto::route;
    const table table(*client, "modes");
    take_streams(table);
    const std::pair<ingestion_mode, route> modes[] = {{ingestion_mode::streaming, route::streamed},
                                                      {ingestion_mode::managed, route::streamed},
                                                      {ingestion_mode::queued, route::queued}};
    for (const auto &[mode, expected] : modes) {
        const kusto::receipt receipt = client->ingest(table.props().set_mode(mode), "1,a\n", PATIENCE);
        CHECK(receipt.route() == expected);
        CHECK(succeeds(*client, receipt));
    }
    CHECK(table.rows() == 3);
    const kusto::props streamed = table.props().set_mode(ingestion_mode::streaming);
    kusto::props inline_mapping = streamed.clone(), tagged = streamed.clone();
    inline_mapping.set_mapping_json(R"([{"Column":"id","Properties":{"Ordinal":"0"}}])");
    tagged.add_tag("drop-by:x");
    CHECK(refuses(client->try_ingest(inline_mapping, "1,a\n", PATIENCE), "ingestionMapping"));
    CHECK(refuses(client->try_ingest(tagged, "1,a\n", PATIENCE), "tags"));
    CHECK(refuses(streamed.clone().try_set_mode(static_cast<ingestion_mode>(9)), "mode"));
}

static void without_a_policy_data_is_queued_or_refused()
{
    constexpr std::string_view policy_off = "BadRequest_StreamingIngestionPolicyNotEnabled";
    const table table(*client, "no_policy");
    const kusto::client manages = client_in("managed");
    std::optional<kusto::receipt> receipt = manages.ingest(table.props(), "1,a\n", PATIENCE);
    CHECK(receipt->route() == kusto::route::queued && receipt->attempts() == 1 && !receipt->update_policy());
    CHECK(succeeds(*client, *receipt));
    const std::optional<kusto::error> cause = receipt->fallback_cause();
    receipt.reset();
    CHECK(cause && cause->code() == kusto::errc::service && cause->service_code() == policy_off);
    const auto came = client->try_ingest(table.props().set_mode(kusto::ingestion_mode::streaming), "2,b\n", PATIENCE);
    CHECK(gives(came, kusto::errc::service) && came.error().service_code() == policy_off && !came.error().in_doubt());
    CHECK(table.rows() == 1);
}

static void limits_end_a_call()
{
    const kusto::props props(database(), "nowhere");
    CHECK_CODE(timed_out, client->try_ingest(props, "1,a\n", 0s));
    CHECK_CODE(timed_out, client->try_ingest(props, "1,a\n", std::chrono::steady_clock::now()));
    CHECK_CODE(timed_out, client->try_warm_up(0s));
    const auto until = std::chrono::system_clock::now() + PATIENCE;
    CHECK(client->try_warm_up(until));
}

static void two_threads_share_a_client()
{
    const table table(*client, "threads");
    const auto five = [&] {
        for (int i = 0; i < 5; i++)
            CHECK(succeeds(*client, client->ingest(table.props(), "1,a\n", PATIENCE)));
    };
    std::thread one(five), two(five);
    one.join();
    two.join();
    CHECK(table.rows() == 10);
}

int main()
{
    if (connection() == nullptr)
        return skip_all(18);
    const kusto::client connected = connect();
    client = &connected;
    RUN(memory_copied_moved_in_and_borrowed);
    RUN(a_file_and_a_descriptor);
    RUN(a_reader_runs_on_the_calling_thread);
    RUN(a_callable_that_cannot_be_copied_reads);
    RUN(any_istream);
    RUN(a_directory_is_a_stream_that_fails);
    RUN(blobs_in_storage);
    RUN(no_data_is_an_error_that_names_the_source);
    RUN(names_may_hold_any_character);
    RUN(compressed_data_and_given_ids);
    RUN(progress_ends_at_the_size);
    RUN(what_a_reader_throws_comes_back_and_nothing_is_ingested);
    RUN(what_progress_throws_comes_back_in_doubt);
    RUN(streamed_data_is_in_the_table_when_the_call_returns);
    RUN(a_call_has_a_mode_of_its_own);
    RUN(without_a_policy_data_is_queued_or_refused);
    RUN(limits_end_a_call);
    RUN(two_threads_share_a_client);
    return harness::end();
}
