// Ingestions under way, by the names that the driver gives them: `start`, `wait`, `cancel`.
#ifndef OPERATIONS_HPP
#define OPERATIONS_HPP

#include "what.hpp"

#include <chrono>
#include <future>

/// The last numbers that a progress callable received. They are copied from the callable when that is
/// destroyed: then no further numbers come.
class last_progress {
public:
    explicit last_progress(std::promise<kusto::progress> told) : told_(std::move(told)) {}
    last_progress(last_progress &&) = default;
    ~last_progress()
    {
        if (owner_.owns)
            told_.set_value(numbers_);
    }
    void operator()(const kusto::progress &now) { numbers_ = now; }

private:
    /// False once it was moved from.
    struct ownership {
        bool owns = true;
        ownership() = default;
        ownership(ownership &&from) noexcept : owns(std::exchange(from.owns, false)) {}
    };
    ownership owner_;
    std::promise<kusto::progress> told_;
    kusto::progress numbers_{0, 0, 0};
};

/// An ingestion that the player has begun.
class transfer {
public:
    transfer(const kusto::client &through, const message &said)
    {
        const auto into = props_of(said);
        auto from = source_of(said);
        if (said.flag("progress")) {
            std::promise<kusto::progress> told;
            progress_ = told.get_future().share();
            from.set_progress(last_progress(std::move(told)));
        }
        if (said.get("source") == "stream")
            push(through, into, std::move(from), said);
        else
            begun_ = through.start_ingest(into, std::move(from), limit_of(said));
        if (said.flag("cancelled"))
            cancel();
    }
    transfer(const transfer &) = delete;
    /// The driver does not wait for it any more.
    ~transfer() { cancel(); }

    void cancel() const
    {
        if (stream_)
            stream_->cancel();
        else if (begun_)
            begun_->cancel();
    }

    /// Its result; throws its error.
    kusto::receipt wait()
    {
        auto ended = stream_ ? pushed_.get().get() : begun_->get();
        tracking_token_ = ended.tracking_token();
        return ended;
    }

    const std::string &tracking_token() const
    {
        if (tracking_token_.empty())
            throw not_understood("the operation has no receipt");
        return tracking_token_;
    }

    /// The last numbers, if there is a callable for them.
    std::optional<kusto::progress> progress() const
    {
        return progress_.valid() ? std::optional(progress_.get()) : std::nullopt;
    }

private:
    /// Pushes the input on a thread of its own, so that `start` can return.
    void push(const kusto::client &through, const kusto::props &into, kusto::source from, const message &said)
    {
        const auto timeout = said.number("timeout").value_or(-1);
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout);
        stream_ = through.stream(into, std::move(from));
        pushed_ = std::async(std::launch::async, [this, from = input(said), timeout, deadline]() mutable {
                      return push_all(from, timeout < 0 ? std::nullopt : std::optional(deadline));
                  }).share();
    }

    kusto::operation<kusto::receipt> push_all(input &from, std::optional<std::chrono::steady_clock::time_point> deadline)
    {
        const auto limit = [deadline] { return deadline ? kusto::time_limit(*deadline) : kusto::time_limit(); };
        // For a write a limit of zero would mean: never wait.
        const auto at_least_some = [&limit] {
            return limit().milliseconds() == 0 ? kusto::time_limit(std::chrono::milliseconds(1)) : limit();
        };
        std::string buffer(from.piece(), '\0');
        try {
            while (const std::size_t given = from.read(buffer.data(), buffer.size())) {
                for (std::size_t taken = 0; taken < given;)
                    taken += stream_->write({buffer.data() + taken, given - taken}, at_least_some());
            }
        } catch (const std::runtime_error &failed) {
            stream_->fail(failed.what());
        }
        return stream_->finish(limit());
    }

    std::optional<kusto::operation<kusto::receipt>> begun_;
    std::optional<kusto::push_stream> stream_;
    std::shared_future<kusto::progress> progress_;
    std::string tracking_token_;
    /// The last member, so that the thread is joined before the others are destroyed.
    std::shared_future<kusto::operation<kusto::receipt>> pushed_;
};

#endif
