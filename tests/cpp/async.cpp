// Operations and pushed data, against a service: completion, cancellation, limits, lifetimes.
#include "harness.hpp"

#include <future>

using namespace harness;
using namespace std::chrono_literals;

static const kusto::client *client;

static kusto::props nowhere() { return kusto::props(database(), "nowhere"); }

// A completion callback and the result it received.
class watch {
public:
    auto callback()
    {
        return [this](kusto::result<kusto::receipt> came) {
            const std::lock_guard<std::mutex> lock(lock_);
            codes_.push_back(came.code());
            if (came)
                receipt_.emplace(std::move(came).value());
        };
    }
    // Waits until it was called; whether it was once, with this code.
    bool told_once(kusto::errc expected)
    {
        return CHECK(eventually([&] { return !codes().empty(); })) && codes() == std::vector{expected};
    }
    std::vector<kusto::errc> codes()
    {
        const std::lock_guard<std::mutex> lock(lock_);
        return codes_;
    }
    const kusto::receipt &receipt() const { return *receipt_; }

private:
    std::mutex lock_;
    std::vector<kusto::errc> codes_;
    std::optional<kusto::receipt> receipt_;
};

static void done_brings_the_receipt_once()
{
    const table table(*client, "async");
    watch watch;
    kusto::operation<kusto::receipt> started =
        client->start_ingest(table.props(), kusto::source::bytes("1,a\n"), PATIENCE, watch.callback());
    const kusto::operation<kusto::receipt> operation = std::move(started);
    CHECK(!started && operation);
    const kusto::receipt receipt = operation.get();
    CHECK(operation.state() == kusto::operation_state::succeeded && operation.wait());
    CHECK(watch.told_once(kusto::errc::ok));
    CHECK(watch.receipt().source_id() == receipt.source_id());
    operation.cancel();
    CHECK(operation.state() == kusto::operation_state::succeeded);
    CHECK(succeeds(*client, receipt) && table.rows() == 1);
}

static void a_promise_serves_as_completion()
{
    const table table(*client, "promise");
    std::promise<kusto::receipt> promise;
    std::future<kusto::receipt> future = promise.get_future();
    // The handle is dropped: the ingestion continues.
    client->start_ingest(table.props(), kusto::source::bytes("1,a\n"), PATIENCE,
                  [promise = std::move(promise)](kusto::result<kusto::receipt> came) mutable {
                      promise.set_value(std::move(came).value());
                  });
    CHECK(succeeds(*client, future.get()));
}

static void what_callbacks_throw_comes_back()
{
    const auto thrown = [](std::exception_ptr cause) -> std::string {
        try {
            if (cause)
                std::rethrow_exception(cause);
        } catch (const std::runtime_error &error) {
            return error.what();
        }
        return "nothing";
    };
    const table table(*client, "throwing");
    const kusto::operation<kusto::receipt> failing = client->start_ingest(
        table.props(),
        kusto::source::reader([](void *, std::size_t) -> int { throw std::runtime_error("the disk burns"); }),
        PATIENCE);
    const auto came = failing.try_get();
    CHECK_CODE(source_io, came);
    CHECK(thrown(came.error().cause()) == "the disk burns" && failing.state() == kusto::operation_state::failed);

    watch watch;
    const kusto::operation<kusto::receipt> told = client->start_ingest(
        table.props(),
        kusto::source::reader([](void *, std::size_t) -> int { throw std::runtime_error("again"); }), PATIENCE,
        watch.callback());
    CHECK(watch.told_once(kusto::errc::source_io));

    const kusto::operation<kusto::receipt> operation = client->start_ingest(
        table.props(), kusto::source::bytes("1,a\n"), PATIENCE,
        [](kusto::result<kusto::receipt>) { throw std::runtime_error("no window"); });
    // The ingestion is not affected.
    CHECK(succeeds(*client, operation.get()));
    CHECK(eventually([&] { return operation.callback_error() != nullptr; }));
    CHECK(thrown(operation.callback_error()) == "no window" && table.rows() == 1);
}

static void waiting_in_a_callback_is_refused()
{
    const table table(*client, "waiting");
    std::promise<kusto::errc> answer;
    client->start_ingest(table.props(), kusto::source::bytes("1,a\n"), PATIENCE, [&](kusto::result<kusto::receipt>) {
        answer.set_value(client->try_execute(database(), "print 1", PATIENCE).code());
    });
    CHECK(answer.get_future().get() == kusto::errc::invalid_state);
}

static void cancelled_and_late_operations_end()
{
    watch cancelled, late;
    gate one, two;
    kusto::operation<kusto::receipt> operation = client->start_ingest(nowhere(), one.source(), PATIENCE, cancelled.callback());
    one.await();
    CHECK(operation.state() == kusto::operation_state::running);
    CHECK(!operation.wait(0s) && !operation.wait(20ms));
    CHECK_CODE(would_block, operation.try_get(0s));
    operation.cancel();
    CHECK_CODE(cancelled, operation.try_get());
    CHECK(operation.wait() && operation.state() == kusto::operation_state::cancelled);
    CHECK(cancelled.told_once(kusto::errc::cancelled));

    operation = client->start_ingest(nowhere(), two.source(), std::chrono::steady_clock::now() + 1ms, late.callback());
    CHECK_CODE(timed_out, operation.try_get());
    CHECK(operation.state() == kusto::operation_state::failed);
    CHECK(late.told_once(kusto::errc::timed_out));
}

static void a_client_destroyed_with_operations_under_way_cancels_them()
{
    watch seen, unseen;
    gate gate;
    std::optional<kusto::client> other = connect();
    const kusto::operation<kusto::receipt> operation = other->start_ingest(nowhere(), gate.source(), {}, seen.callback());
    other->start_ingest(nowhere(), gate.source(), {}, unseen.callback());
    gate.await();
    other.reset();
    CHECK_CODE(cancelled, operation.try_get());
    CHECK(seen.told_once(kusto::errc::cancelled) && unseen.told_once(kusto::errc::cancelled));
}

static void closing_waits_and_then_cancels()
{
    gate gate;
    const kusto::client other = connect();
    const kusto::operation<kusto::receipt> operation = other.start_ingest(nowhere(), gate.source());
    gate.await();
    CHECK(other.close(20ms) == 1);
    CHECK_CODE(cancelled, operation.try_get());
    CHECK_CODE(invalid_state, other.try_ingest(nowhere(), "1,a\n", PATIENCE));
}

static void a_client_may_end_in_the_last_callback()
{
    const table table(*client, "last");
    auto other = std::make_shared<kusto::client>(connect());
    std::promise<void> ended;
    // The callback holds the last reference.
    const kusto::client &last = *other;
    last.start_ingest(table.props(), kusto::source::bytes("1,a\n"), PATIENCE,
               [other = std::move(other), &ended](kusto::result<kusto::receipt> came) mutable {
                   CHECK(came);
                   other.reset();
                   ended.set_value();
               });
    ended.get_future().get();
}

static void pushed_data_is_ingested_when_it_is_finished()
{
    const table table(*client, "stream");
    watch watch;
    kusto::push_stream begun = client->stream(table.props());
    kusto::push_stream stream = std::move(begun);
    CHECK_CODE(invalid_argument, begun.try_write("1,a\n"));
    for (int i = 0; i < 1000; i++) {
        const std::string row = std::to_string(i) + ",row\n";
        CHECK(stream.write(row) == row.size());
    }
    const kusto::operation<kusto::receipt> operation = stream.finish(PATIENCE, watch.callback());
    CHECK(succeeds(*client, operation.get()) && table.rows() == 1000);
    CHECK(watch.told_once(kusto::errc::ok));
    CHECK_CODE(invalid_state, stream.try_write("1,a\n"));
    CHECK_CODE(invalid_state, stream.try_finish());
}

static void a_full_stream_says_so()
{
    // Text that does not compress much, faster than anything can take it.
    std::string data(100000, '\n');
    std::uint32_t state = 1;
    for (std::size_t i = 0; i + 1 < data.size(); i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = static_cast<char>('0' + (state >> 24) % 64);
    }
    const table table(*client, "full");
    kusto::props props = table.props();
    kusto::push_stream stream = client->stream(props.set_format(kusto::data_format::txt));
    std::uint64_t total = 0;
    kusto::errc code = kusto::errc::ok;
    while (code == kusto::errc::ok && total < 200000000) {
        const auto wrote = stream.try_write(data, 0s);
        code = wrote.code();
        total += wrote ? wrote.value() : 0;
    }
    CHECK(code == kusto::errc::would_block && total > 0);
    total += stream.write(data, PATIENCE);
    CHECK(stream.finish(PATIENCE).get().bytes_raw() == total);
}

static void a_stream_that_is_given_up_or_empty_ingests_nothing()
{
    const table table(*client, "given up");
    client->stream(table.props()).write("1,bad\n");
    CHECK(refuses(client->stream(table.props()).finish(PATIENCE).try_get(), "source"));
    CHECK(succeeds(*client, client->ingest(table.props(), "2,good\n", PATIENCE)) && table.rows() == 1);
}

static void a_stream_has_settings_and_can_fail_or_be_cancelled()
{
    static const char id[] = "7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab0cc";
    const table table(*client, "settings");
    std::uint64_t read = 0;
    kusto::source settings = kusto::source::stream();
    settings.set_id(id).set_progress([&read](const kusto::progress &now) { read = now.read; });
    kusto::push_stream stream = client->stream(table.props(), std::move(settings));
    stream.write("1,a\n");
    const kusto::receipt receipt = stream.finish(PATIENCE).get();
    CHECK(receipt.source_id() == id && read == 4);

    kusto::push_stream failing = client->stream(table.props());
    failing.write("2,bad\n");
    failing.fail("the disk is on fire");
    const auto failed = failing.finish(PATIENCE).try_get();
    CHECK_CODE(source_io, failed);
    CHECK(std::string_view(failed.error().what()).find("on fire") != std::string_view::npos);

    kusto::push_stream cancelled = client->stream(table.props());
    cancelled.cancel();
    CHECK_CODE(cancelled, cancelled.finish(PATIENCE).try_get());

    kusto::source throwing = kusto::source::stream();
    throwing.set_progress([](const kusto::progress &) { throw std::runtime_error("no more"); });
    kusto::push_stream told = client->stream(table.props(), std::move(throwing));
    told.write("3,c\n");
    CHECK_CODE(callback, told.finish(PATIENCE).try_get());
    CHECK_CODE(invalid_argument, client->try_stream(table.props(), kusto::source::bytes("1,a\n")));
}

static void every_call_can_run_in_the_background()
{
    const table table(*client, "background");
    client->start_warm_up(PATIENCE).get();
    const kusto::receipt receipt = client->start_ingest(table.props(), kusto::source::bytes("1,a\n"), PATIENCE).get();
    const std::string token(receipt.tracking_token());
    CHECK(client->start_track_until_final(token, 20ms, PATIENCE).get().count(kusto::item_state::succeeded) == 1);
    std::promise<std::size_t> items;
    const kusto::operation<kusto::report> track = client->start_track(
        token, PATIENCE, [&](kusto::result<kusto::report> came) { items.set_value(came ? came->size() : 0); });
    CHECK(items.get_future().get() == 1 && track.get().size() == 1);
    CHECK(client->start_peek_outcomes(kusto::outcome::failures, token, 1, PATIENCE).get().size() == 0);
    CHECK(client->start_take_outcomes(kusto::outcome::failures, token, 1, PATIENCE).get().size() == 0);
    kusto::rows rows = client->start_execute(database(), "print 42", PATIENCE).get();
    CHECK(rows.next() && rows.int64(0) == 42);
    CHECK_CODE(service, client->start_execute(database(), "no such thing", PATIENCE).try_get());
    CHECK_CODE(invalid_argument, client->try_start_track("no token"));
}

static void a_hundred_at_once()
{
    const table table(*client, "many");
    const kusto::props props = table.props();
    std::vector<kusto::operation<kusto::receipt>> operations;
    for (int i = 0; i < 100; i++)
        operations.push_back(client->start_ingest(props, kusto::source::owned(std::to_string(i) + ",row\n"), PATIENCE));
    for (const kusto::operation<kusto::receipt> &operation : operations)
        CHECK(succeeds(*client, operation.get()));
    CHECK(table.rows() == 100);
}

int main()
{
    if (connection() == nullptr)
        return skip_all(14);
    const kusto::client connected = connect();
    client = &connected;
    RUN(done_brings_the_receipt_once);
    RUN(a_promise_serves_as_completion);
    RUN(what_callbacks_throw_comes_back);
    RUN(waiting_in_a_callback_is_refused);
    RUN(cancelled_and_late_operations_end);
    RUN(a_client_destroyed_with_operations_under_way_cancels_them);
    RUN(closing_waits_and_then_cancels);
    RUN(a_client_may_end_in_the_last_callback);
    RUN(pushed_data_is_ingested_when_it_is_finished);
    RUN(a_full_stream_says_so);
    RUN(a_stream_that_is_given_up_or_empty_ingests_nothing);
    RUN(a_stream_has_settings_and_can_fail_or_be_cancelled);
    RUN(every_call_can_run_in_the_background);
    RUN(a_hundred_at_once);
    return harness::end();
}
