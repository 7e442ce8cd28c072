// The contents of errors when the service fails on command (fault rules of the emulator).
#include "harness.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

using namespace harness;
using namespace std::chrono_literals;

static const kusto::client *client;

// One request to the emulator's own endpoints; its answer, with the status line.
static std::string control(const char *method, const std::string &body)
{
    const std::string_view text = connection(), scheme = "http://";
    const std::string_view address = text.substr(text.find(scheme) + scheme.size());
    const std::string host(address.substr(0, address.find(':')));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::atoi(address.data() + host.size() + 1)));
    CHECK(inet_pton(AF_INET, host.c_str(), &to.sin_addr) == 1);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(::connect(fd, reinterpret_cast<const sockaddr *>(&to), sizeof to) == 0);
    const std::string request = std::string(method) + " /emulator/v1/faults HTTP/1.1\r\nHost: " + host +
                                "\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: " +
                                std::to_string(body.size()) + "\r\n\r\n" + body;
    CHECK(send(fd, request.data(), request.size(), 0) == static_cast<ssize_t>(request.size()));
    std::string answer;
    char buffer[4096];
    for (ssize_t got; (got = recv(fd, buffer, sizeof buffer, 0)) > 0;)
        answer.append(buffer, static_cast<std::size_t>(got));
    close(fd);
    return answer;
}

// A rule that is armed as long as this lives, and must have fired.
class fault {
public:
    explicit fault(const std::string &rule) { CHECK(control("POST", rule).find(" 201 ") != std::string::npos); }
    fault(const fault &) = delete;
    ~fault()
    {
        CHECK(fired());
        CHECK(control("DELETE", "").find(" 204 ") != std::string::npos);
    }
    static bool fired()
    {
        const std::string answer = control("GET", "");
        const std::size_t count = answer.find("\"fired\":");
        return count != std::string::npos && answer[count + 8] != '0';
    }
};

static void a_message_that_may_have_arrived_is_in_doubt()
{
    const table table(*client, "doubt");
    const fault cut(R"({"service":"queue","operation":"PutMessage","fault":{"kind":"cut","when":"after"},"times":1})");
    const auto came = client->try_ingest(table.props(), "1,a\n", PATIENCE);
    CHECK_CODE(network, came);
    CHECK(came.error().in_doubt() && !came.error().host().empty() && came.error().step() == "post message");
    // The message agrees with the outcome.
    CHECK(eventually([&] { return table.rows() == 1; }));
}

static void a_service_that_is_busy_says_when_to_come_back()
{
    const fault busy(
        R"({"service":"mgmt","command":".show version","fault":{"kind":"status","status":429,"retryAfter":7}})");
    const auto came = client->try_execute("", ".show version", PATIENCE);
    CHECK_CODE(throttled, came);
    CHECK(came.error().http_status() == 429 && came.error().retry_after() == 7s);
    CHECK(came.error().retry() == kusto::retry_class::later && !came.error().permanent());
}

static void an_error_lists_its_attempts()
{
    const fault refused(R"({"service":"blob","fault":{"kind":"status","status":503,"code":"ServerBusy"}})");
    const auto came = client->try_ingest(kusto::props(database(), "nowhere"), "1,a\n", PATIENCE);
    CHECK(!came);
    const std::vector<kusto::error> attempts = kusto::error(came.error()).attempts();
    CHECK(attempts.size() > 1);
    for (const kusto::error &attempt : attempts) {
        CHECK(attempt.http_status() == 503 && attempt.service_code() == "ServerBusy" && !attempt.host().empty());
        CHECK(attempt.code() != kusto::errc::ok && *attempt.what() != '\0');
    }
}

static const char *const STALLED = R"({"service":"blob","fault":{"kind":"stall","when":"before"}})";

static void a_transfer_that_stalls_ends_by_its_limit()
{
    const fault stalled(STALLED);
    const kusto::props props(database(), "nowhere");
    CHECK_CODE(timed_out, client->try_ingest(props, "1,a\n", 300ms));
    kusto::push_stream stream = client->stream(props);
    stream.write("1,a\n");
    CHECK_CODE(timed_out, stream.finish(300ms).try_get());
}

static void a_transfer_that_stalls_can_be_cancelled()
{
    const fault stalled(STALLED);
    const kusto::operation<kusto::receipt> operation =
        client->start_ingest(kusto::props(database(), "nowhere"), kusto::source::bytes("1,a\n"));
    CHECK(eventually([] { return fault::fired(); }));
    CHECK(operation.state() == kusto::operation_state::running);
    operation.cancel();
    CHECK_CODE(cancelled, operation.try_get());
}

static void a_query_that_stalls_can_be_cancelled()
{
    const fault stalled(R"({"service":"query","fault":{"kind":"stall","when":"before"}})");
    const kusto::operation<kusto::rows> operation = client->start_execute(database(), "print 1");
    CHECK(eventually([] { return fault::fired(); }));
    operation.cancel();
    CHECK_CODE(cancelled, operation.try_get());
}

int main()
{
    if (connection() == nullptr)
        return skip_all(6);
    const kusto::client connected = connect();
    client = &connected;
    RUN(a_message_that_may_have_arrived_is_in_doubt);
    RUN(a_service_that_is_busy_says_when_to_come_back);
    RUN(an_error_lists_its_attempts);
    RUN(a_transfer_that_stalls_ends_by_its_limit);
    RUN(a_transfer_that_stalls_can_be_cancelled);
    RUN(a_query_that_stalls_can_be_cancelled);
    return harness::end();
}
