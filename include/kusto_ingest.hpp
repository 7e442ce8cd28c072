/// \file
/// kusto-ingest for C++17: the C functions of kusto_ingest.h with ownership, exceptions and callables.
/// Header only; link what a C program links.
///
/// - Objects own their handles, can be moved and not copied. A moved-from object is empty: calls with it fail
///   with `errc::invalid_argument`.
/// - Every call that can fail has two forms: `x` throws `kusto::error`, `try_x` returns a `result`. Without
///   exceptions (-fno-exceptions) use the second; the first ends the program as the standard library does.
///   Both throw std::bad_alloc when out of memory.
/// - Text and data arguments are borrowed during the call, unless stated otherwise. Returned texts are
///   borrowed from the object, and empty where there is none.
/// - Threads: const members may be called by several threads at once, all others by one at a time, unless
///   stated otherwise.
/// - An exception never leaves a callback: it becomes the error of the call to which the callback belongs,
///   with the exception as its `cause()`. Callables are stored on the heap and destroyed once, on any thread,
///   after their last use.
///
/// MIT licence, see LICENSE.
#ifndef KUSTO_INGEST_HPP
#define KUSTO_INGEST_HPP

#include "kusto_ingest.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <istream>
#include <iterator>
#include <limits>
#include <locale>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

/// 1 where the compiler has exceptions, else 0.
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#  define KUSTO_HPP_EXCEPTIONS 1
#else
#  define KUSTO_HPP_EXCEPTIONS 0
#endif

namespace kusto {

// ---- numbers of the C interface ---------------------------------------------------------------------

// <generated: lists>
/// The class of an error. The list only grows: decide about a value that you do not know by whether the
/// error is permanent.
enum class errc : std::int32_t {
    ok = KUSTO_OK, ///< It succeeded.
    invalid_argument = KUSTO_E_INVALID_ARGUMENT, ///< An argument is missing, malformed or out of range; the error names it. Empty data is one (`source: is empty: there is nothing to ingest`): a file of 0 bytes, a stream that was already read.
    invalid_state = KUSTO_E_INVALID_STATE, ///< The object is not in a state that allows the call, such as a closed client.
    unsupported = KUSTO_E_UNSUPPORTED, ///< The call is valid, but this build or platform cannot do it.
    timed_out = KUSTO_E_TIMED_OUT, ///< The deadline of the call passed.
    would_block = KUSTO_E_WOULD_BLOCK, ///< The call would have to wait: the operation still runs, or the stream's buffer is full.
    cancelled = KUSTO_E_CANCELLED, ///< The call was cancelled, or its client was closed or freed.
    config = KUSTO_E_CONFIG, ///< The connection string or a setting is wrong, or the host is not trusted.
    auth = KUSTO_E_AUTH, ///< No token could be obtained, or the service rejected it (401, 403).
    network = KUSTO_E_NETWORK, ///< The host could not be reached, or the connection broke.
    throttled = KUSTO_E_THROTTLED, ///< The service asks to slow down (429, or 503 with a throttling code).
    service = KUSTO_E_SERVICE, ///< The service reported an error.
    not_found = KUSTO_E_NOT_FOUND, ///< The requested object does not exist.
    source_io = KUSTO_E_SOURCE_IO, ///< The source of the data failed, or changed while it was read.
    too_large = KUSTO_E_TOO_LARGE, ///< The data or the message exceeds a limit of the service, or an answer exceeds a limit of this library.
    callback = KUSTO_E_CALLBACK, ///< A callback of the program failed or broke its contract.
    partial = KUSTO_E_PARTIAL, ///< Some items of the call were handed over and some were not.
    forked = KUSTO_E_FORKED, ///< The object was made before `fork()` and used in the child process.
    internal = KUSTO_E_INTERNAL ///< A defect of this library.
};

/// Whether calling again with the same arguments can succeed. KUSTO_RETRY_*.
enum class retry_class : std::int32_t {
    unknown = KUSTO_RETRY_UNKNOWN, ///< The library does not know.
    never = KUSTO_RETRY_NEVER, ///< The same call fails again: something must be changed first.
    later = KUSTO_RETRY_LATER ///< The cause is temporary: try again later.
};

/// The name of a value, in small letters; "unknown" for a number that is none of them. Static.
inline std::string_view name_of(retry_class value) noexcept { return kusto_retry_name(static_cast<std::int32_t>(value)); }
/// Writes the name of a value.
inline std::ostream &operator<<(std::ostream &out, retry_class value) { return out << name_of(value); }

/// How important a line of the log is, or up to which level lines are wanted. KUSTO_LOG_*.
enum class log_level : std::int32_t {
    off = KUSTO_LOG_OFF, ///< No lines.
    error = KUSTO_LOG_ERROR, ///< Errors inside the library.
    warn = KUSTO_LOG_WARN, ///< Failures, also those that another attempt may mend.
    info = KUSTO_LOG_INFO, ///< One line for each ingestion.
    debug = KUSTO_LOG_DEBUG, ///< Each step of a call.
    trace = KUSTO_LOG_TRACE ///< Everything.
};

/// The name of a value, in small letters; "unknown" for a number that is none of them. Static.
inline std::string_view name_of(log_level value) noexcept { return kusto_log_level_name(static_cast<std::int32_t>(value)); }
/// Writes the name of a value.
inline std::ostream &operator<<(std::ostream &out, log_level value) { return out << name_of(value); }

/// The format of the data, under the service's name. KUSTO_FORMAT_*.
enum class data_format : std::int32_t {
    csv = KUSTO_FORMAT_CSV, ///< Comma-separated values, RFC 4180.
    tsv = KUSTO_FORMAT_TSV, ///< Tab-separated values.
    psv = KUSTO_FORMAT_PSV, ///< Values separated by `|`.
    scsv = KUSTO_FORMAT_SCSV, ///< Values separated by `;`.
    sohsv = KUSTO_FORMAT_SOHSV, ///< Values separated by the control character SOH.
    txt = KUSTO_FORMAT_TXT, ///< Lines of text, one column each; empty lines are skipped.
    raw = KUSTO_FORMAT_RAW, ///< The whole source is one value.
    tsve = KUSTO_FORMAT_TSVE, ///< Tab-separated values with backslash escapes.
    json = KUSTO_FORMAT_JSON, ///< JSON Lines: one object per line. The service skips a line that is malformed or cut off, and reports `Succeeded` nevertheless.
    multijson = KUSTO_FORMAT_MULTIJSON, ///< A JSON array, or objects one after another, over any number of lines.
    singlejson = KUSTO_FORMAT_SINGLEJSON, ///< One JSON value; line breaks in it are white space.
    avro = KUSTO_FORMAT_AVRO, ///< Avro, with the service's legacy reader.
    apacheavro = KUSTO_FORMAT_APACHEAVRO, ///< Avro, with the Apache reader (logical types).
    parquet = KUSTO_FORMAT_PARQUET, ///< Apache Parquet.
    orc = KUSTO_FORMAT_ORC, ///< Apache ORC.
    sstream = KUSTO_FORMAT_SSTREAM, ///< Cosmos structured streams.
    w3clogfile = KUSTO_FORMAT_W3CLOGFILE ///< W3C extended log files.
};

/// The name of a value, in small letters; "unknown" for a number that is none of them. Static.
inline std::string_view name_of(data_format value) noexcept { return kusto_format_name(static_cast<std::int32_t>(value)); }
/// Writes the name of a value.
inline std::ostream &operator<<(std::ostream &out, data_format value) { return out << name_of(value); }

/// What the service reports about an ingestion. KUSTO_REPORT_*.
enum class report_level : std::int32_t {
    failures_only = KUSTO_REPORT_FAILURES, ///< Failures only. The default.
    do_not_report = KUSTO_REPORT_NONE, ///< Nothing.
    failures_and_successes = KUSTO_REPORT_ALL ///< Failures and successes. The service's pages advise against it at high volume.
};

/// The name of a value, in small letters; "unknown" for a number that is none of them. Static.
inline std::string_view name_of(report_level value) noexcept { return kusto_report_level_name(static_cast<std::int32_t>(value)); }
/// Writes the name of a value.
inline std::ostream &operator<<(std::ostream &out, report_level value) { return out << name_of(value); }

/// Where the service reports to. KUSTO_VIA_*.
enum class report_method : std::int32_t {
    queue = KUSTO_VIA_QUEUE, ///< The cluster's queues of failures and successes, which all its clients share. The default.
    table = KUSTO_VIA_TABLE, ///< The status table, with one entity for each source.
    queue_and_table = KUSTO_VIA_QUEUE_AND_TABLE ///< Both.
};

/// The name of a value, in small letters; "unknown" for a number that is none of them. Static.
inline std::string_view name_of(report_method value) noexcept { return kusto_report_method_name(static_cast<std::int32_t>(value)); }
/// Writes the name of a value.
inline std::ostream &operator<<(std::ostream &out, report_method value) { return out << name_of(value); }

/// The compression that the data already has. KUSTO_COMPRESSION_*.
enum class compression : std::int32_t {
    none = KUSTO_COMPRESSION_NONE, ///< Not compressed: the library compresses what the format allows.
    gzip = KUSTO_COMPRESSION_GZIP, ///< gzip.
    zip = KUSTO_COMPRESSION_ZIP ///< A zip archive.
};

/// The name of a value, in small letters; "unknown" for a number that is none of them. Static.
inline std::string_view name_of(compression value) noexcept { return kusto_compression_name(static_cast<std::int32_t>(value)); }
/// Writes the name of a value.
inline std::ostream &operator<<(std::ostream &out, compression value) { return out << name_of(value); }

/// The state of an operation. KUSTO_OP_*.
enum class operation_state : std::int32_t {
    running = KUSTO_OP_RUNNING, ///< It has not ended.
    succeeded = KUSTO_OP_SUCCEEDED, ///< It ended with a result.
    failed = KUSTO_OP_FAILED, ///< It ended with an error.
    cancelled = KUSTO_OP_CANCELLED ///< It ended because it was cancelled.
};

/// The name of a value, in small letters; "unknown" for a number that is none of them. Static.
inline std::string_view name_of(operation_state value) noexcept { return kusto_op_state_name(static_cast<std::int32_t>(value)); }
/// Writes the name of a value.
inline std::ostream &operator<<(std::ostream &out, operation_state value) { return out << name_of(value); }

/// The state of one item of a report. Treat a value that you do not know as pending. KUSTO_ITEM_*.
enum class item_state : std::int32_t {
    pending = KUSTO_ITEM_PENDING, ///< The service has the message and has not finished.
    succeeded = KUSTO_ITEM_SUCCEEDED, ///< Ingested.
    failed = KUSTO_ITEM_FAILED, ///< Not ingested; the error code says why.
    cancelled = KUSTO_ITEM_CANCELLED, ///< The service stopped the ingestion.
    skipped = KUSTO_ITEM_SKIPPED, ///< An `ingest-by:` tag says that the data is there already, or the service found nothing to do. Compressed data that unpacks to nothing is not skipped: it fails, with the code `Stream_NoDataToIngest` or, in formats of separated values, `BadRequest_NoRecordsOrWrongFormat`.
    partially_succeeded = KUSTO_ITEM_PARTIAL, ///< Some parts were ingested and some were not.
    queued = KUSTO_ITEM_QUEUED ///< Handed over without a status table: only the queues report more.
};

/// The name of a value, in small letters; "unknown" for a number that is none of them. Static.
inline std::string_view name_of(item_state value) noexcept { return kusto_item_state_name(static_cast<std::int32_t>(value)); }
/// Writes the name of a value.
inline std::ostream &operator<<(std::ostream &out, item_state value) { return out << name_of(value); }

/// A kind of notification. KUSTO_OUTCOME_*.
enum class outcome : std::int32_t {
    failures = KUSTO_OUTCOME_FAILURES, ///< Failures: the queue `FailedIngestionsQueue`.
    successes = KUSTO_OUTCOME_SUCCESSES ///< Successes: the queue `SuccessfulIngestionsQueue`.
};

/// The name of a value, in small letters; "unknown" for a number that is none of them. Static.
inline std::string_view name_of(outcome value) noexcept { return kusto_outcome_name(static_cast<std::int32_t>(value)); }
/// Writes the name of a value.
inline std::ostream &operator<<(std::ostream &out, outcome value) { return out << name_of(value); }

/// What a login asks of the user. KUSTO_PROMPT_*.
enum class prompt_kind : std::int32_t {
    device_code = KUSTO_PROMPT_DEVICE_CODE, ///< To enter a code at an address, on any device.
    browser = KUSTO_PROMPT_BROWSER ///< To open an address in a browser on this machine.
};

/// The name of a value, in small letters; "unknown" for a number that is none of them. Static.
inline std::string_view name_of(prompt_kind value) noexcept { return kusto_prompt_name(static_cast<std::int32_t>(value)); }
/// Writes the name of a value.
inline std::ostream &operator<<(std::ostream &out, prompt_kind value) { return out << name_of(value); }

/// What the program has done with a prompt. KUSTO_PROMPTED_*.
enum class prompted : std::int32_t {
    open_browser = KUSTO_PROMPTED_OPEN_BROWSER, ///< The library is to open the address in the system's browser. For a device code: it is shown, or, for one that stands for a browser, nobody has seen it and the login fails.
    shown = KUSTO_PROMPTED_SHOWN ///< The program has shown the code, or has opened the address itself.
};

/// The name of a value, in small letters; "unknown" for a number that is none of them. Static.
inline std::string_view name_of(prompted value) noexcept { return kusto_prompted_name(static_cast<std::int32_t>(value)); }
/// Writes the name of a value.
inline std::ostream &operator<<(std::ostream &out, prompted value) { return out << name_of(value); }

/// Which of a machine's identities is meant. KUSTO_IDENTITY_*.
enum class identity_kind : std::int32_t {
    system = KUSTO_IDENTITY_SYSTEM, ///< The one that belongs to the machine itself; it has no id.
    client_id = KUSTO_IDENTITY_CLIENT_ID, ///< One that a user assigned, by its client id.
    object_id = KUSTO_IDENTITY_OBJECT_ID, ///< One that a user assigned, by its object id, also called principal id.
    resource_id = KUSTO_IDENTITY_RESOURCE_ID ///< One that a user assigned, by its resource id (`/subscriptions/...`).
};

/// The name of a value, in small letters; "unknown" for a number that is none of them. Static.
inline std::string_view name_of(identity_kind value) noexcept { return kusto_identity_name(static_cast<std::int32_t>(value)); }
/// Writes the name of a value.
inline std::ostream &operator<<(std::ostream &out, identity_kind value) { return out << name_of(value); }

/// How data gets to the service. KUSTO_MODE_*.
enum class ingestion_mode : std::int32_t {
    queued = KUSTO_MODE_QUEUED, ///< Through storage and a queue: any size, every property, in the table within the minutes of the batching policy. The default.
    streaming = KUSTO_MODE_STREAMING, ///< In one request to the engine: up to 4 MB of rows, in the table when the call returns. The table needs a policy for it.
    managed = KUSTO_MODE_MANAGED ///< Streaming where it is possible, else queued: the receipt says which. The order of calls is not kept between the two.
};

/// The name of a value, in small letters; "unknown" for a number that is none of them. Static.
inline std::string_view name_of(ingestion_mode value) noexcept { return kusto_ingestion_mode_name(static_cast<std::int32_t>(value)); }
/// Writes the name of a value.
inline std::ostream &operator<<(std::ostream &out, ingestion_mode value) { return out << name_of(value); }

/// How data got to the service. KUSTO_ROUTE_*.
enum class route : std::int32_t {
    queued = KUSTO_ROUTE_QUEUED, ///< Through storage and a queue: the service ingests it later.
    streamed = KUSTO_ROUTE_STREAMED ///< In a request to the engine: it is ingested.
};

/// The name of a value, in small letters; "unknown" for a number that is none of them. Static.
inline std::string_view name_of(route value) noexcept { return kusto_route_name(static_cast<std::int32_t>(value)); }
/// Writes the name of a value.
inline std::ostream &operator<<(std::ostream &out, route value) { return out << name_of(value); }

/// Not for users.
namespace detail {

inline const char *about(errc code) noexcept
{
    switch (code) {
    case errc::ok: return "It succeeded.";
    case errc::invalid_argument: return "An argument is missing, malformed or out of range; the error names it. Empty data is one (`source: is empty: there is nothing to ingest`): a file of 0 bytes, a stream that was already read.";
    case errc::invalid_state: return "The object is not in a state that allows the call, such as a closed client.";
    case errc::unsupported: return "The call is valid, but this build or platform cannot do it.";
    case errc::timed_out: return "The deadline of the call passed.";
    case errc::would_block: return "The call would have to wait: the operation still runs, or the stream's buffer is full.";
    case errc::cancelled: return "The call was cancelled, or its client was closed or freed.";
    case errc::config: return "The connection string or a setting is wrong, or the host is not trusted.";
    case errc::auth: return "No token could be obtained, or the service rejected it (401, 403).";
    case errc::network: return "The host could not be reached, or the connection broke.";
    case errc::throttled: return "The service asks to slow down (429, or 503 with a throttling code).";
    case errc::service: return "The service reported an error.";
    case errc::not_found: return "The requested object does not exist.";
    case errc::source_io: return "The source of the data failed, or changed while it was read.";
    case errc::too_large: return "The data or the message exceeds a limit of the service, or an answer exceeds a limit of this library.";
    case errc::callback: return "A callback of the program failed or broke its contract.";
    case errc::partial: return "Some items of the call were handed over and some were not.";
    case errc::forked: return "The object was made before `fork()` and used in the child process.";
    case errc::internal: return "A defect of this library.";
    }
    return "An error of a newer version.";
}

} // namespace detail
// </generated>

/// The category of this library's error codes.
inline const std::error_category &error_category() noexcept
{
    class all final : public std::error_category {
        const char *name() const noexcept override { return "kusto"; }
        std::string message(int code) const override { return std::string(detail::about(static_cast<errc>(code))); }
        std::error_condition default_error_condition(int code) const noexcept override
        {
            switch (static_cast<errc>(code)) {
            case errc::invalid_argument: return std::errc::invalid_argument;
            case errc::unsupported: return std::errc::not_supported;
            case errc::timed_out: return std::errc::timed_out;
            case errc::would_block: return std::errc::operation_would_block;
            case errc::cancelled: return std::errc::operation_canceled;
            case errc::source_io: return std::errc::io_error;
            default: return std::error_condition(code, *this);
            }
        }
    };
    static const all category;
    return category;
}

/// The code for programs that work with std::error_code. Codes whose meaning a std::errc has are equal to it, such as
/// `errc::timed_out` to std::errc::timed_out.
inline std::error_code make_error_code(errc code) noexcept
{
    return std::error_code(static_cast<int>(code), error_category());
}

} // namespace kusto

/// So that an `errc` converts to a std::error_code.
template <> struct std::is_error_code_enum<kusto::errc> : std::true_type {};

namespace kusto {

// ---- helpers ------------------------------------------------------------------------------------------

/// Not for users.
namespace detail {

inline void free_handle(kusto_cancel *handle) noexcept { kusto_cancel_free(handle); }
inline void free_handle(kusto_client *handle) noexcept { kusto_client_free(handle); }
inline void free_handle(kusto_command *handle) noexcept { kusto_command_free(handle); }
inline void free_handle(kusto_config *handle) noexcept { kusto_config_free(handle); }
inline void free_handle(kusto_credential *handle) noexcept { kusto_credential_free(handle); }
inline void free_handle(kusto_error *handle) noexcept { kusto_error_free(handle); }
inline void free_handle(kusto_op *handle) noexcept { kusto_op_free(handle); }
inline void free_handle(kusto_props *handle) noexcept { kusto_props_free(handle); }
inline void free_handle(kusto_report *handle) noexcept { kusto_report_free(handle); }
inline void free_handle(kusto_request_options *handle) noexcept { kusto_request_options_free(handle); }
inline void free_handle(kusto_result *handle) noexcept { kusto_result_free(handle); }
inline void free_handle(kusto_rows *handle) noexcept { kusto_rows_free(handle); }
inline void free_handle(kusto_source *handle) noexcept { kusto_source_free(handle); }
inline void free_handle(kusto_stream *handle) noexcept { kusto_stream_free(handle); }
/// A token request must be answered: nothing else frees it.
inline void free_handle(kusto_token_request *handle) noexcept
{
    kusto_token_request_fail(handle, 0, "the token callback did not answer", KUSTO_CSTR);
}

/// As std::default_delete, by the C function.
struct deleter {
    template <class T> void operator()(T *handle) const noexcept { free_handle(handle); }
};

/// A `drop` of the C interface for an object made with `new`.
template <class T> void KUSTO_CALL drop(void *user_data) noexcept { delete static_cast<T *>(user_data); }

/// A C text that may be NULL.
inline std::string_view text(const char *begin, std::size_t length) noexcept
{
    return begin ? std::string_view(begin, length) : std::string_view();
}

/// Only for a std::filesystem::path, to which texts would convert too.
template <class Path> using if_path = std::enable_if_t<std::is_same_v<Path, std::filesystem::path>>;

/// A path as the C interface takes it: UTF-8 on Windows, bytes elsewhere.
inline std::string chars_of(const std::filesystem::path &path)
{
#ifdef _WIN32
    const auto utf8 = path.u8string();
    return std::string(utf8.begin(), utf8.end());
#else
    return path.native();
#endif
}

/// The first exception of an ingestion's callbacks, kept for the call to which they belong.
class failure {
public:
    void keep(std::exception_ptr cause, std::string message)
    {
        const std::lock_guard<std::mutex> guard(lock_);
        if (!kept_) {
            kept_ = true;
            cause_ = std::move(cause);
            message_ = std::move(message);
        }
    }
    bool kept() const
    {
        const std::lock_guard<std::mutex> guard(lock_);
        return kept_;
    }
    std::exception_ptr cause() const
    {
        const std::lock_guard<std::mutex> guard(lock_);
        return cause_;
    }
    std::string message() const
    {
        const std::lock_guard<std::mutex> guard(lock_);
        return message_;
    }

private:
    mutable std::mutex lock_;
    bool kept_ = false;
    std::exception_ptr cause_;
    std::string message_;
};

/// Calls `body` where no exception may pass; if it throws, keeps the exception and returns false.
template <class F> bool guarded(failure &kept, F &&body) noexcept
{
#if KUSTO_HPP_EXCEPTIONS
    try {
        body();
        return true;
    } catch (const std::exception &thrown) {
        kept.keep(std::current_exception(), thrown.what());
    } catch (...) {
        kept.keep(std::current_exception(), "an exception that is not a std::exception");
    }
    return false;
#else
    (void)kept;
    body();
    return true;
#endif
}

/// The latest exceptions of token callbacks and prompts: the library passes on only their texts. A login belongs to no call,
/// since all that need its token wait for the same one.
class token_failures {
public:
    /// Those of the program. Never destroyed: threads of the library may fail while the program ends. The
    /// exceptions themselves are released when it ends.
    static token_failures &all()
    {
        static token_failures *const one = first();
        return *one;
    }
    /// Of a token callback.
    void add(const failure &thrown)
    {
        const std::lock_guard<std::mutex> guard(lock_);
        kept_[next_++ % kept_.size()] = {std::string(PREFIX) + thrown.message(), thrown.cause()};
    }
    /// Of a prompt, whose result is a number of its own, far from those of C programs: the library passes on nothing else of
    /// it.
    std::int32_t add_prompt(const failure &thrown)
    {
        const std::lock_guard<std::mutex> guard(lock_);
        const auto number = INT32_MIN / 2 - static_cast<std::int32_t>(next_ % 1000000000U);
        kept_[next_++ % kept_.size()] = {std::string(RETURNED) + std::to_string(number), thrown.cause()};
        return number;
    }
    /// The exception in whose words a call failed; null if there is none.
    std::exception_ptr cause_of(std::string_view message) const
    {
        const std::lock_guard<std::mutex> guard(lock_);
        const bool is_of_token = message.find(PREFIX) != std::string_view::npos;
        if (next_ == 0 || (!is_of_token && message.find(RETURNED) == std::string_view::npos))
            return nullptr;
        // The library masks what looks like a secret: then no text is found, and it is the latest.
        std::exception_ptr found = is_of_token ? kept_[(next_ - 1) % kept_.size()].second : nullptr;
        std::size_t longest = 0;
        for (std::size_t age = 1; age <= kept_.size(); age++) {
            const auto &[text, cause] = kept_[(next_ - age) % kept_.size()];
            if (cause && text.size() > longest && message.find(text) != std::string_view::npos) {
                found = cause;
                longest = text.size();
            }
        }
        return found;
    }
    // No object: it outlives the program's own.
    static constexpr std::string_view PREFIX = "the token callback threw: ";
    static constexpr std::string_view RETURNED = "its prompt returned ";

private:
    // A power of two, since the counter wraps.
    using list = std::array<std::pair<std::string, std::exception_ptr>, 16>;

    static token_failures *first()
    {
        // Where no handler can be added, the exceptions stay until the process has ended.
        (void)std::atexit([] { all().release(); });
        return new token_failures;
    }
    void release()
    {
        // Destroyed without the lock: what they do then is the program's.
        list ended;
        const std::lock_guard<std::mutex> guard(lock_);
        ended.swap(kept_);
        next_ = 0;
    }

    mutable std::mutex lock_;
    list kept_;
    std::size_t next_ = 0;
};

/// A handle of the C interface, freed with its owner.
template <class T> class object {
public:
    /// The type of the C interface.
    using c_type = T;

    /// The handle for calls of the C interface; the object keeps ownership.
    T *c_ptr() const noexcept { return handle_.get(); }
    /// Releases ownership of the handle: the caller frees it with the C function.
    T *release() noexcept { return handle_.release(); }
    /// Whether it holds a handle, that is, was not moved from.
    explicit operator bool() const noexcept { return handle_ != nullptr; }

protected:
    explicit object(T *taken) noexcept : handle_(taken) {}

private:
    std::unique_ptr<T, deleter> handle_;
};

} // namespace detail

/// How long a call may take: any duration, or a time point of any clock, converted into a duration when it is
/// passed. Without one a call has no limit. Zero never waits; less than a millisecond counts as one.
class time_limit {
public:
    /// No limit.
    constexpr time_limit() noexcept = default;
    /// A duration from the call on; a negative one counts as zero.
    template <class Rep, class Period>
    time_limit(std::chrono::duration<Rep, Period> length) // NOLINT: implicit on purpose
        : milliseconds_(rounded(std::chrono::duration<double, std::milli>(length).count()))
    {
    }
    /// Until this time point.
    template <class Clock, class Duration>
    time_limit(std::chrono::time_point<Clock, Duration> end) // NOLINT: implicit on purpose
        : time_limit(end - Clock::now())
    {
    }
    /// The number that the C interface takes.
    constexpr std::int64_t milliseconds() const noexcept { return milliseconds_; }

private:
    static std::int64_t rounded(double milliseconds) noexcept
    {
        // More than 30,000 years would not fit into the number.
        if (milliseconds > 1e15)
            return KUSTO_FOREVER;
        return milliseconds > 0 ? static_cast<std::int64_t>(std::ceil(milliseconds)) : 0;
    }
    std::int64_t milliseconds_ = KUSTO_FOREVER;
};

/// A text argument, borrowed during the call: a std::string, a std::string_view, or a C text. A C text that is a
/// null pointer is refused by the call that takes it: `errc::invalid_argument`, with the argument's name.
class text_view {
public:
    /// An empty text.
    constexpr text_view() noexcept = default;
    /// A text that ends with a NUL, or a null pointer.
    text_view(const char *text) noexcept // NOLINT: implicit on purpose
        : data_(text), size_(text != nullptr ? std::char_traits<char>::length(text) : 0)
    {
    }
    /// A std::string, a std::string_view, or anything else that converts to one.
    template <class Text, class = std::enable_if_t<std::is_convertible_v<const Text &, std::string_view> &&
                                                   !std::is_convertible_v<const Text &, const char *>>>
    text_view(const Text &text) // NOLINT: implicit on purpose
        : text_view(std::string_view(text), 0)
    {
    }
    /// The first byte; null only for a null pointer, not for an empty text.
    constexpr const char *data() const noexcept { return data_; }
    /// The length in bytes.
    constexpr std::size_t size() const noexcept { return size_; }
    /// Whether it was made of a null pointer.
    constexpr bool is_null() const noexcept { return data_ == nullptr; }

private:
    text_view(std::string_view text, int) noexcept : data_(text.data() ? text.data() : ""), size_(text.size()) {}
    const char *data_ = "";
    std::size_t size_ = 0;
};

/// A view of bytes: a text, or any container with contiguous bytes. A C text that is a null pointer is refused as
/// `text_view` says.
class bytes_view {
public:
    /// `size` bytes from `data` on.
    bytes_view(const void *data, std::size_t size) noexcept
        : data_(static_cast<const std::uint8_t *>(data)), size_(size)
    {
    }
    /// The bytes of a text, without a NUL at its end.
    bytes_view(const char *text) noexcept
        : bytes_view(text, text != nullptr ? std::char_traits<char>::length(text) : 0)
    {
        is_null_ = text == nullptr;
    }
    /// The bytes of a text.
    bytes_view(std::string_view text) noexcept : bytes_view(text.data(), text.size()) {}
    /// The bytes of a std::string, std::vector<std::byte>, std::array<unsigned char, N> and the like.
    template <class Container, class = std::enable_if_t<
                                   sizeof(*std::data(std::declval<const Container &>())) == 1>>
    bytes_view(const Container &container) noexcept : bytes_view(std::data(container), std::size(container))
    {
    }
    /// The first byte.
    const std::uint8_t *data() const noexcept { return data_; }
    /// How many.
    std::size_t size() const noexcept { return size_; }
    /// Whether it was made of a C text that is a null pointer.
    bool is_null() const noexcept { return is_null_; }

private:
    const std::uint8_t *data_;
    std::size_t size_;
    bool is_null_ = false;
};

// ---- errors --------------------------------------------------------------------------------------------

/// Describes a failure. Immutable; copies share it, and any thread may read one. Its texts contain no secret
/// of the library; `cause()` is the program's own.
class error : public std::exception {
public:
    /// An error of the wrapper itself, or of a callback.
    error(errc code, std::string message, bool in_doubt = false, std::exception_ptr cause = nullptr)
        : message_(std::make_shared<const std::string>(std::move(message))), cause_(std::move(cause)),
          code_(code), in_doubt_(in_doubt)
    {
    }
    /// The error of an argument, found by the wrapper itself; `name` is static.
    static error of_argument(const char *name, const std::string &message)
    {
        error wrong(errc::invalid_argument, std::string(name) + ": " + message);
        wrong.argument_ = name;
        return wrong;
    }
    /// The error of a call of the C interface, of which it takes ownership; `taken` may be NULL.
    error(kusto_status status, kusto_error *taken)
        : raw_(taken, detail::deleter()), code_(static_cast<errc>(status)),
          in_doubt_(kusto_error_in_doubt(taken) != 0)
    {
        if (code_ == errc::auth)
            cause_ = detail::token_failures::all().cause_of(what());
    }

    /// The whole message for people. Do not compare it.
    const char *what() const noexcept override
    {
        return message_ ? message_->c_str() : kusto_error_message(raw_.get(), nullptr);
    }
    /// The kind of error.
    errc code() const noexcept { return code_; }
    /// Whether calling again can succeed.
    retry_class retry() const noexcept
    {
        return argument_ ? retry_class::never : static_cast<retry_class>(kusto_error_retry(raw_.get()));
    }
    /// Whether the same call fails again until something is changed.
    bool permanent() const noexcept { return retry() == retry_class::never; }
    /// Whether the same call may succeed later. When `in_doubt` as well, calling again can double the data.
    bool retryable() const noexcept { return retry() == retry_class::later; }
    /// How long the service asks to wait before the next attempt, if it says so.
    std::optional<std::chrono::milliseconds> retry_after() const noexcept
    {
        const std::int64_t wait = kusto_error_retry_after_ms(raw_.get());
        return wait < 0 ? std::nullopt : std::optional(std::chrono::milliseconds(wait));
    }
    /// Whether the service may have carried out the request although the call failed. Calling again can then
    /// duplicate the data, unless an `ingest-by:` tag with `ingestIfNotExists` prevents that.
    bool in_doubt() const noexcept { return in_doubt_; }
    /// The HTTP status of the answer; 0 if there was none.
    int http_status() const noexcept { return kusto_error_http_status(raw_.get()); }
    /// The number of the operating system's error that is the cause, such as `ENOENT`; 0 if there is none.
    int system_code() const noexcept { return kusto_error_system_code(raw_.get()); }
    /// The step that failed, such as "post message".
    std::string_view step() const noexcept { return ask(kusto_error_step); }
    /// The host that was called, with its port if the address had one.
    std::string_view host() const noexcept { return ask(kusto_error_host); }
    /// The argument or setting that is wrong.
    std::string_view argument() const noexcept { return argument_ ? argument_ : ask(kusto_error_argument); }
    /// The service's own code, such as "General_BadRequest".
    std::string_view service_code() const noexcept { return ask(kusto_error_service_code); }
    /// The service's id of its activity, which its support asks for.
    std::string_view activity_id() const noexcept { return ask(kusto_error_activity_id); }
    /// The library's id of the request that failed, under which the service logs it.
    std::string_view client_request_id() const noexcept { return ask(kusto_error_client_request_id); }
    /// The whole error as a JSON object; empty for an error that the library did not create.
    std::string_view json() const noexcept { return ask(kusto_error_json); }
    /// The failed attempts, oldest first, each with its own host and cause. Usually empty.
    std::vector<error> attempts() const
    {
        std::vector<error> all;
        for (std::size_t i = 0; i < kusto_error_attempts(raw_.get()); i++)
            all.push_back(error(raw_, kusto_error_attempt(raw_.get(), i)));
        return all;
    }
    /// The exception of a callback, for std::rethrow_exception; null if none threw.
    std::exception_ptr cause() const noexcept { return cause_; }
    /// The error of the C interface, borrowed; NULL for one that the library did not create.
    const kusto_error *c_ptr() const noexcept { return raw_.get(); }
    /// Its code for programs that work with std::error_code; compare it with an `errc` or, where one fits, with
    /// a std::errc.
    std::error_code as_error_code() const noexcept { return code_; }
    /// As `as_error_code`.
    operator std::error_code() const noexcept { return as_error_code(); } // NOLINT: implicit on purpose

    /// The same error with the exception of a callback.
    error with_cause(std::exception_ptr cause, const std::string &message) const
    {
        error whole = *this;
        whole.message_ = std::make_shared<const std::string>(std::string(what()) + ": " + message);
        whole.cause_ = std::move(cause);
        return whole;
    }

private:
    /// An attempt of an error that `owner` keeps.
    error(const std::shared_ptr<const kusto_error> &owner, const kusto_error *attempt)
        : raw_(owner, attempt), code_(static_cast<errc>(kusto_error_status(attempt))),
          in_doubt_(kusto_error_in_doubt(attempt) != 0)
    {
    }
    std::string_view ask(const char *(*question)(const kusto_error *, std::size_t *)) const noexcept
    {
        std::size_t length = 0;
        const char *begin = question(raw_.get(), &length);
        return detail::text(begin, length);
    }

    std::shared_ptr<const kusto_error> raw_;
    std::shared_ptr<const std::string> message_;
    std::exception_ptr cause_;
    errc code_;
    bool in_doubt_;
    /// Static; of an error that the library did not create.
    const char *argument_ = nullptr;
};

namespace detail {

/// The error of a null pointer; nothing where there is none.
inline std::optional<error> null_argument(const char *name, bool is_null)
{
    return is_null ? std::optional(error::of_argument(name, "it is a null pointer")) : std::nullopt;
}

[[noreturn]] inline void raise(const error &failed)
{
#if KUSTO_HPP_EXCEPTIONS
    throw failed;
#else
    (void)failed;
    std::abort();
#endif
}

} // namespace detail

/// The result of a `try_` form: a value, or an error.
template <class T> class [[nodiscard]] result {
public:
    /// A success.
    result(T value) : state_(std::in_place_index<0>, std::move(value)) {} // NOLINT: implicit on purpose
    /// A failure.
    result(kusto::error failed) : state_(std::in_place_index<1>, std::move(failed)) {} // NOLINT

    /// Whether it is a success.
    bool has_value() const noexcept { return state_.index() == 0; }
    /// Whether it is a success.
    explicit operator bool() const noexcept { return has_value(); }
    /// The value; throws the error if it is a failure.
    T &value() &
    {
        demand();
        return *std::get_if<0>(&state_);
    }
    /// The value; throws the error if it is a failure.
    const T &value() const &
    {
        demand();
        return *std::get_if<0>(&state_);
    }
    /// The value, moved out; throws the error if it is a failure.
    T value() &&
    {
        demand();
        return std::move(*std::get_if<0>(&state_));
    }
    /// As `value()`.
    T &operator*() & { return value(); }
    /// As `value()`.
    T operator*() && { return std::move(*this).value(); }
    /// As `value()`.
    const T &operator*() const & { return value(); }
    /// As `value()`.
    T *operator->() { return &value(); }
    /// As `value()`.
    const T *operator->() const { return &value(); }
    /// The error. Check `has_value()` first: on a success this ends the program.
    const kusto::error &error() const
    {
        if (has_value())
            std::abort();
        return *std::get_if<1>(&state_);
    }
    /// As `error()`, under a name that is not that of its type.
    const kusto::error &failure() const { return error(); }
    /// The kind of error, `errc::ok` for a success.
    errc code() const noexcept { return has_value() ? errc::ok : std::get_if<1>(&state_)->code(); }
    /// The kind of error as a std::error_code; one without an error for a success.
    std::error_code as_error_code() const noexcept { return code(); }

private:
    void demand() const
    {
        if (!has_value())
            detail::raise(error());
    }
    std::variant<T, kusto::error> state_;
};

/// The result of a `try_` form without a value: nothing, or an error.
template <> class [[nodiscard]] result<void> {
public:
    /// A success.
    result() noexcept = default;
    /// A failure.
    result(kusto::error failed) : failed_(std::move(failed)) {} // NOLINT: implicit on purpose

    /// Whether it is a success.
    bool has_value() const noexcept { return !failed_; }
    /// Whether it is a success.
    explicit operator bool() const noexcept { return has_value(); }
    /// Throws the error if it is a failure.
    void value() const
    {
        if (failed_)
            detail::raise(*failed_);
    }
    /// The error. Check `has_value()` first: on a success this ends the program.
    const kusto::error &error() const
    {
        if (!failed_)
            std::abort();
        return *failed_;
    }
    /// As `error()`, under a name that is not that of its type.
    const kusto::error &failure() const { return error(); }
    /// The kind of error, `errc::ok` for a success.
    errc code() const noexcept { return failed_ ? failed_->code() : errc::ok; }
    /// The kind of error as a std::error_code; one without an error for a success.
    std::error_code as_error_code() const noexcept { return code(); }

private:
    std::optional<kusto::error> failed_;
};

namespace detail {

/// Calls a C function whose last argument takes the error.
template <class F, class... Arguments> result<void> call(F function, Arguments... arguments)
{
    kusto_error *failed = nullptr;
    const kusto_status status = function(arguments..., &failed);
    if (status == KUSTO_OK)
        return {};
    return error(status, failed);
}

/// Calls a C function whose last arguments take a new handle and the error.
template <class Object, class F, class... Arguments> result<Object> make(F function, Arguments... arguments)
{
    typename Object::c_type *made = nullptr;
    kusto_error *failed = nullptr;
    const kusto_status status = function(arguments..., &made, &failed);
    if (status == KUSTO_OK)
        return Object(made);
    return error(status, failed);
}

/// The result of an ingestion, with the exceptions of its callbacks. `kept` may be null.
template <class T> result<T> judged(result<T> came, const std::shared_ptr<failure> &kept)
{
    if (!kept || !kept->kept())
        return came;
    if (!came)
        return came.error().with_cause(kept->cause(), kept->message());
    return error(errc::callback, "the data was handed over, but a callback threw: " + kept->message(), true,
                 kept->cause());
}

} // namespace detail

// ---- version, log, fork ----------------------------------------------------------------------------------

/// The library's version, such as "0.1.0"; static.
inline std::string_view version() noexcept { return kusto_version_string(); }
/// The library's version as `(major << 16) | (minor << 8) | patch`; compare KUSTO_VERSION_NUMBER.
inline std::uint32_t version_number() noexcept { return kusto_version_number(); }
/// The number of the binary interface; making a client fails where it is not KUSTO_ABI_VERSION.
inline std::uint32_t abi_version() noexcept { return kusto_abi_version(); }
/// How the library was built, as JSON, for bug reports; static.
inline std::string_view build_info() noexcept { return kusto_build_info(); }
/// Whether an optional part is built in.
inline bool has_feature(text_view name) noexcept
{
    return kusto_has_feature(name.data(), name.size()) != 0;
}
/// Whether a text is a management command, which begins with a dot, and not a query. Comments and invisible
/// characters in front do not count.
inline bool is_command(text_view text) noexcept
{
    return kusto_is_command(text.data(), text.size()) != 0;
}
/// The name of a code, such as "TIMED_OUT"; "UNKNOWN" for other numbers. Static.
inline std::string_view name_of(errc code) noexcept
{
    return kusto_status_name(static_cast<std::int32_t>(code));
}
/// Writes the name of a code.
inline std::ostream &operator<<(std::ostream &out, errc code) { return out << name_of(code); }
/// Writes the name of its code and its message. (Its code alone would be written as a `std::error_code`.)
inline std::ostream &operator<<(std::ostream &out, const error &value)
{
    return out << name_of(value.code()) << ": " << value.what();
}

/// Sends the log of the library to `write(log_level, std::string_view target, std::string_view message)` and
/// replaces the previous callable. It is called from any thread, also concurrently, must be quick and must
/// not call the library. A line is lost if the callable throws. Any thread, but not in a callback. Errors:
/// `invalid_state` when the process already has a global `tracing` subscriber.
template <class F> result<void> try_set_log(log_level most, F &&write)
{
    using Write = std::decay_t<F>;
    const auto line = [](void *user_data, std::int32_t level, const char *target, std::size_t target_length,
                         const char *message, std::size_t message_length) {
        detail::failure lost;
        (void)detail::guarded(lost, [&] {
            (*static_cast<Write *>(user_data))(static_cast<log_level>(level), detail::text(target, target_length),
                                               detail::text(message, message_length));
        });
    };
    return detail::call(kusto_log_set, static_cast<std::int32_t>(most), static_cast<kusto_log_fn>(line),
                        static_cast<void *>(new Write(std::forward<F>(write))), &detail::drop<Write>);
}
/// As `try_set_log`; throws `error`.
template <class F> void set_log(log_level most, F &&write) { try_set_log(most, std::forward<F>(write)).value(); }
/// Makes the library silent again. Threads and errors as `try_set_log`.
inline result<void> try_clear_log()
{
    return detail::call(kusto_log_set, KUSTO_LOG_OFF, nullptr, nullptr, nullptr);
}
/// As `try_clear_log`; throws `error`.
inline void clear_log() { try_clear_log().value(); }

/// Allows new clients in a child process after `fork()`; objects from before stay unusable. Call it in the
/// child before any other function of the library, on its only thread. Errors: none so far.
inline result<void> try_after_fork_child() { return detail::call(kusto_after_fork_child); }
/// As `try_after_fork_child`; throws `error`.
inline void after_fork_child() { try_after_fork_child().value(); }

/// Ends the blocking calls of the threads that use it, with `errc::cancelled`: from another thread, or from a signal
/// handler. Once signalled it stays so.
class cancellation : public detail::object<kusto_cancel> {
public:
    /// One that nothing uses yet. Throws `error`: `internal` when the system refuses descriptors.
    cancellation() : cancellation(try_make().value()) {}
    /// Takes an object of the C interface.
    explicit cancellation(kusto_cancel *taken) noexcept : object(taken) {}
    /// As the constructor, without exceptions.
    static result<cancellation> try_make() { return detail::make<cancellation>(kusto_cancel_new); }

    /// Ends the calls. Any thread, and a signal handler, while the object exists.
    void signal() const noexcept { kusto_cancel_signal(c_ptr()); }
    /// Whether it was signalled. Threads as `signal`.
    bool is_signalled() const noexcept { return kusto_cancel_is_signalled(c_ptr()) != 0; }
    /// From now on the blocking calls of the calling thread end soon after it is signalled, and those that begin
    /// later at once. Several threads may use one object. Errors: `forked`.
    result<void> try_use() const { return detail::call(kusto_cancel_use, static_cast<const kusto_cancel *>(c_ptr())); }
    /// As `try_use`; throws `error`.
    void use() const { try_use().value(); }
    /// The calling thread uses none any more: for calls that say goodbye after a signal, such as `client::close`.
    static result<void> try_use_none() { return detail::call(kusto_cancel_use, static_cast<const kusto_cancel *>(nullptr)); }
    /// As `try_use_none`; throws `error`.
    static void use_none() { try_use_none().value(); }
};

// ---- login and settings ----------------------------------------------------------------------------------

/// A bearer token and its expiry.
struct access_token {
    /// The token.
    std::string token;
    /// When it expires; the library reuses it until shortly before. The epoch means unknown: the callback is
    /// called for every request.
    std::chrono::system_clock::time_point expires_on{};
};

/// For token callbacks to throw when the cause is temporary: the library asks again, and calls that fail
/// nevertheless are `retryable()`. So they are with a `kusto::error` that is, and with a std::system_error of a
/// connection that broke, was refused or took too long. Of any other exception that cannot be known: the calls
/// fail permanently.
class transient_token_error : public std::runtime_error {
public:
    /// Why there is no token. It becomes part of the messages of the failed calls, so it must hold no secret.
    explicit transient_token_error(const std::string &message) : std::runtime_error(message) {}
};

namespace detail {

/// Whether a token callback that threw this can succeed later.
inline bool passes(const std::exception_ptr &thrown) noexcept
{
#if KUSTO_HPP_EXCEPTIONS
    try {
        std::rethrow_exception(thrown);
    } catch (const transient_token_error &) {
        return true;
    } catch (const error &known) {
        return known.retryable();
    } catch (const std::system_error &known) {
        for (const std::errc each :
             {std::errc::timed_out, std::errc::connection_refused, std::errc::connection_reset,
              std::errc::connection_aborted, std::errc::broken_pipe, std::errc::not_connected,
              std::errc::host_unreachable, std::errc::network_down, std::errc::network_unreachable})
            if (known.code() == each)
                return true;
    } catch (...) {
    }
#else
    (void)thrown;
#endif
    return false;
}

} // namespace detail

/// One pending request for a token. Answer it once, from any thread; destroying it unanswered fails the calls
/// that wait for it.
class token_request : public detail::object<kusto_token_request> {
public:
    /// Takes a request of the C interface.
    explicit token_request(kusto_token_request *taken) noexcept : object(taken) {}

    /// The scope for which a token is requested, such as `https://kusto.kusto.windows.net/.default`.
    std::string_view scope() const noexcept
    {
        std::size_t length = 0;
        const char *begin = kusto_token_request_scope(c_ptr(), &length);
        return detail::text(begin, length);
    }
    /// The Entra tenant to request the token from, if the connection string names one.
    std::string_view tenant() const noexcept
    {
        std::size_t length = 0;
        const char *begin = kusto_token_request_tenant(c_ptr(), &length);
        return detail::text(begin, length);
    }
    /// Answers with a token. One that is not UTF-8 fails the waiting calls with `errc::auth`.
    void complete(const access_token &answer) noexcept
    {
        const auto since_1970 = answer.expires_on.time_since_epoch();
        if (*this)
            kusto_token_request_complete(release(), answer.token.data(), answer.token.size(),
                                         std::chrono::duration_cast<std::chrono::seconds>(since_1970).count());
    }
    /// Answers that no token could be obtained, and whether a later request may succeed.
    void fail(text_view message, bool retryable = false) noexcept
    {
        if (*this)
            kusto_token_request_fail(release(), retryable ? 1 : 0, message.data(), message.size());
    }
};

/// What a login asks of its user; the texts are borrowed during the call and do not belong in a log.
struct prompt {
    /// What the user is to do.
    prompt_kind kind;
    /// The address to open.
    std::string_view url;
    /// What to enter there; empty for a browser.
    std::string_view code;
    /// All of it in one text for people.
    std::string_view message;
    /// Until when the login waits.
    std::chrono::system_clock::time_point expires_on;
};

namespace detail {

/// Calls a callable that shows prompts. One that returns nothing has shown them.
template <class Show>
std::int32_t KUSTO_CALL show_prompt(void *user_data, std::int32_t kind, const char *url, std::size_t url_length,
                                    const char *code, std::size_t code_length, const char *message,
                                    std::size_t message_length, std::int64_t expires_on) noexcept
{
    failure kept;
    std::int32_t answer = -1;
    Show &show = *static_cast<Show *>(user_data);
    const bool shown = guarded(kept, [&] {
        const std::chrono::system_clock::time_point end{std::chrono::seconds(expires_on)};
        const prompt asked{static_cast<prompt_kind>(kind), text(url, url_length), text(code, code_length),
                           text(message, message_length), end};
        if constexpr (std::is_void_v<std::invoke_result_t<Show &, const prompt &>>) {
            show(asked);
            answer = KUSTO_PROMPTED_SHOWN;
        } else {
            answer = static_cast<std::int32_t>(prompted(show(asked)));
        }
    });
    return shown ? answer : token_failures::all().add_prompt(kept);
}

} // namespace detail

/// A source of tokens, shared by the configs it was set in and the clients made from them. Destroying it does
/// not affect them.
class credential : public detail::object<kusto_credential> {
public:
    /// Takes a credential of the C interface.
    explicit credential(kusto_credential *taken) noexcept : object(taken) {}

    /// A fixed token; copied. Errors: `invalid_argument`.
    static result<credential> try_token(text_view token)
    {
        return detail::make<credential>(kusto_credential_token, token.data(), token.size());
    }
    /// As `try_token`; throws `error`.
    static credential token(text_view token) { return try_token(token).value(); }

    /// An application of Entra ID with its secret. `tenant` is the id or the domain of its tenant; empty means that
    /// of the connection string (`Authority Id`). Errors: `invalid_argument`.
    static result<credential> try_app_key(text_view tenant, text_view client_id, text_view key)
    {
        return detail::make<credential>(kusto_credential_app_key, tenant.data(), tenant.size(), client_id.data(),
                                        client_id.size(), key.data(), key.size());
    }
    /// As `try_app_key`; throws `error`.
    static credential app_key(text_view tenant, text_view client_id, text_view key)
    {
        return try_app_key(tenant, client_id, key).value();
    }

    /// A callable that supplies tokens on a thread of the library, called at most once at a time for each
    /// scope, tenant and login host, also a while before a token expires.
    /// It must return at once. Either `access_token ask(const token_request &)` returns the token, or
    /// `void ask(token_request &)` moves the request away and answers within 5 minutes. An exception fails
    /// the waiting calls with `errc::auth`, the exception's text, and the exception as `cause()`, unless it is a
    /// `transient_token_error` or its like, after which the callable is called again. Destroyed with the last
    /// client that uses it. Errors: none but defects of the library.
    template <class F> static result<credential> try_callback(F &&ask)
    {
        using Ask = std::decay_t<F>;
        return detail::make<credential>(kusto_credential_callback, &answer<Ask>,
                                        static_cast<void *>(new Ask(std::forward<F>(ask))), &detail::drop<Ask>);
    }
    /// As `try_callback`; throws `error`.
    template <class F> static credential callback(F &&ask) { return try_callback(std::forward<F>(ask)).value(); }

    /// A user who enters a code on any device. `show(const prompt &)` shows each code; it returns nothing, and an
    /// exception fails the login. It is called on a thread of its own. `tenant` is
    /// that of the user; empty means that of the connection string (`Authority Id`), or any organisation. Errors:
    /// `invalid_argument`.
    template <class F> static result<credential> try_device_code(text_view tenant, F &&show)
    {
        using Show = std::decay_t<F>;
        return detail::make<credential>(kusto_credential_device_code, tenant.data(), tenant.size(),
                                        &detail::show_prompt<Show>,
                                        static_cast<void *>(new Show(std::forward<F>(show))), &detail::drop<Show>);
    }
    /// As `try_device_code`; throws `error`.
    template <class F> static credential device_code(text_view tenant, F &&show)
    {
        return try_device_code(tenant, std::forward<F>(show)).value();
    }

    /// A user in a browser on this machine. `show(const prompt &)` gets its address; it returns `prompted::shown` when
    /// it has opened it, or nothing, and `prompted::open_browser` to leave that to the library. `hint` is the user's
    /// name, to be filled in. `tenant` as `try_device_code`. Errors: `invalid_argument`.
    template <class F> static result<credential> try_interactive(text_view tenant, text_view hint, F &&show)
    {
        using Show = std::decay_t<F>;
        return detail::make<credential>(kusto_credential_interactive, tenant.data(), tenant.size(), hint.data(),
                                        hint.size(), &detail::show_prompt<Show>,
                                        static_cast<void *>(new Show(std::forward<F>(show))), &detail::drop<Show>);
    }
    /// As `try_interactive`; throws `error`.
    template <class F> static credential interactive(text_view tenant, text_view hint, F &&show)
    {
        return try_interactive(tenant, hint, std::forward<F>(show)).value();
    }
    /// The same in the browser that the library opens.
    static result<credential> try_interactive(text_view tenant = {}, text_view hint = {})
    {
        return detail::make<credential>(kusto_credential_interactive, tenant.data(), tenant.size(), hint.data(),
                                        hint.size(), nullptr, nullptr, nullptr);
    }
    /// As `try_interactive`; throws `error`.
    static credential interactive(text_view tenant = {}, text_view hint = {})
    {
        return try_interactive(tenant, hint).value();
    }

    /// An application with a certificate: the text of a PEM file with its key, or a PFX file and its password. `tenant`
    /// as `try_app_key`; `set` has `send chain` and `thumbprint`. Errors: `config`, `unsupported`,
    /// `invalid_argument`.
    static result<credential> try_certificate(text_view tenant, text_view client_id, std::string_view file,
                                              text_view password = {})
    {
        return detail::make<credential>(kusto_credential_certificate, tenant.data(), tenant.size(), client_id.data(),
                                        client_id.size(), reinterpret_cast<const std::uint8_t *>(file.data()),
                                        file.size(), password.data(), password.size());
    }
    /// As `try_certificate`; throws `error`.
    static credential certificate(text_view tenant, text_view client_id, std::string_view file,
                                  text_view password = {})
    {
        return try_certificate(tenant, client_id, file, password).value();
    }

    /// A user with a password, which Entra ID advises against. `tenant` as `try_device_code`. Errors:
    /// `invalid_argument`.
    static result<credential> try_user_password(text_view tenant, text_view user, text_view password)
    {
        return detail::make<credential>(kusto_credential_user_password, tenant.data(), tenant.size(), user.data(),
                                        user.size(), password.data(), password.size());
    }
    /// As `try_user_password`; throws `error`.
    static credential user_password(text_view tenant, text_view user, text_view password)
    {
        return try_user_password(tenant, user, password).value();
    }

    /// An identity of the machine; the system's has no id. Errors: `invalid_argument`.
    static result<credential> try_managed_identity(identity_kind kind = identity_kind::system, text_view id = {})
    {
        return detail::make<credential>(kusto_credential_managed_identity, static_cast<std::int32_t>(kind), id.data(),
                                        id.size());
    }
    /// As `try_managed_identity`; throws `error`.
    static credential managed_identity(identity_kind kind = identity_kind::system, text_view id = {})
    {
        return try_managed_identity(kind, id).value();
    }

    /// An application with a federated token in a file, as Kubernetes writes it. What is empty comes from the
    /// environment: AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE. Errors: `invalid_argument`.
    static result<credential> try_workload_identity(text_view tenant = {}, text_view client_id = {},
                                                    text_view file = {})
    {
        return detail::make<credential>(kusto_credential_workload_identity, tenant.data(), tenant.size(),
                                        client_id.data(), client_id.size(), file.data(), file.size());
    }
    /// As `try_workload_identity`; throws `error`.
    static credential workload_identity(text_view tenant = {}, text_view client_id = {}, text_view file = {})
    {
        return try_workload_identity(tenant, client_id, file).value();
    }

    /// Whoever is logged in to the Azure CLI (`az login`). Errors: none but defects of the library.
    static result<credential> try_azure_cli() { return detail::make<credential>(kusto_credential_azure_cli); }
    /// As `try_azure_cli`; throws `error`.
    static credential azure_cli() { return try_azure_cli().value(); }

    /// Whoever is logged in to the Azure Developer CLI (`azd auth login`). Errors: none but defects of the library.
    static result<credential> try_azure_developer_cli() { return detail::make<credential>(kusto_credential_azure_developer_cli); }
    /// As `try_azure_developer_cli`; throws `error`.
    static credential azure_developer_cli() { return try_azure_developer_cli().value(); }

    /// As the variables of the official libraries say: AZURE_TENANT_ID, AZURE_CLIENT_ID and a secret, a
    /// certificate or a user. Errors: none but defects of the library.
    static result<credential> try_environment() { return detail::make<credential>(kusto_credential_environment); }
    /// As `try_environment`; throws `error`.
    static credential environment() { return try_environment().value(); }

    /// The first of these that is at hand: the environment's variables, workload identity, managed identity, the Azure
    /// CLI, the Azure Developer CLI. Errors: none but defects of the library.
    static result<credential> try_default_login() { return detail::make<credential>(kusto_credential_default); }
    /// As `try_default_login`; throws `error`.
    static credential default_login() { return try_default_login().value(); }

    /// The first of several logins that is at hand; `add` adds them. Errors: none but defects of the library.
    static result<credential> try_chain() { return detail::make<credential>(kusto_credential_chain); }
    /// As `try_chain`; throws `error`.
    static credential chain() { return try_chain().value(); }

    /// Adds a part at the end of a chain; shared, not taken. Errors: `invalid_argument` for what is no chain,
    /// `invalid_state` for one in use.
    result<void> try_add(const credential &part) { return detail::call(kusto_credential_add, c_ptr(), part.c_ptr()); }
    /// As `try_add`; throws `error`.
    credential &add(const credential &part) &
    {
        try_add(part).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    credential add(const credential &part) && { return std::move(add(part)); }

    /// An application that trusts another issuer, whose tokens `assertion` gives: a `callback`, a `managed_identity`,
    /// any other. It is asked with the scope `api://AzureADTokenExchange/.default`. Errors: `invalid_argument`.
    static result<credential> try_federated(text_view tenant, text_view client_id, const credential &assertion)
    {
        return detail::make<credential>(kusto_credential_federated, tenant.data(), tenant.size(), client_id.data(),
                                        client_id.size(), assertion.c_ptr());
    }
    /// As `try_federated`; throws `error`.
    static credential federated(text_view tenant, text_view client_id, const credential &assertion)
    {
        return try_federated(tenant, client_id, assertion).value();
    }

    /// The user on whose behalf an application works, whose token `user_token` it was called with. Errors:
    /// `invalid_argument` for what is no application.
    static result<credential> try_on_behalf_of(const credential &application, text_view user_token)
    {
        return detail::make<credential>(kusto_credential_on_behalf_of, application.c_ptr(), user_token.data(),
                                        user_token.size());
    }
    /// As `try_on_behalf_of`; throws `error`.
    static credential on_behalf_of(const credential &application, text_view user_token)
    {
        return try_on_behalf_of(application, user_token).value();
    }

    /// Sets it up before its first use: the names of `kusto_credential_set`. Errors: `invalid_argument`,
    /// `invalid_state` once it is in use; it is unchanged then.
    result<void> try_set(text_view key, text_view value)
    {
        return detail::call(kusto_credential_set, c_ptr(), key.data(), key.size(), value.data(), value.size());
    }
    /// As `try_set`; throws `error`.
    credential &set(text_view key, text_view value) &
    {
        try_set(key, value).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    credential set(text_view key, text_view value) && { return std::move(set(key, value)); }

private:
    template <class Ask> static void KUSTO_CALL answer(void *user_data, kusto_token_request *taken) noexcept
    {
        token_request request(taken);
        detail::failure kept;
        Ask &ask = *static_cast<Ask *>(user_data);
        const bool answered = detail::guarded(kept, [&] {
            if constexpr (std::is_void_v<std::invoke_result_t<Ask &, token_request &>>)
                ask(request);
            else
                request.complete(ask(request));
        });
        if (!answered) {
            detail::token_failures::all().add(kept);
            request.fail(std::string(detail::token_failures::PREFIX) + kept.message(), detail::passes(kept.cause()));
        }
    }
};

/// One event of a client's log; its texts are borrowed during the call that receives it. It holds no token, key or
/// signature.
struct log_event {
    /// How important it is.
    log_level level;
    /// Its name: docs/LOGGING.md lists all of them with their fields.
    std::string_view name;
    /// What happened, for people.
    std::string_view message;
    /// Its fields: a JSON object of texts and numbers.
    std::string_view fields;
};

namespace detail {

// The standard that the program is compiled for, such as 201703.
#ifdef _MSVC_LANG
constexpr long standard = _MSVC_LANG;
#else
constexpr long standard = __cplusplus;
#endif

} // namespace detail

/// Settings of a client. A client copies them: the config may be changed, reused or destroyed at once.
class config : public detail::object<kusto_config> {
public:
    /// From a connection string, such as `Data Source=https://mycluster.westeurope.kusto.windows.net;
    /// Fed=true;Application Token=...`. Throws `error`: `config` naming the keyword, `invalid_argument`.
    explicit config(text_view connection_string) : config(try_make(connection_string).value()) {}
    /// Takes a config of the C interface.
    explicit config(kusto_config *taken) noexcept : object(taken) {}
    /// As the constructor, without exceptions.
    static result<config> try_make(text_view connection_string)
    {
        result<config> made = detail::make<config>(kusto_config_parse, connection_string.data(),
                                                   connection_string.size());
        if (made)
            if (const result<void> named = made->try_name(); !named)
                return named.error();
        return made;
    }

    /// Sets anything by name: the names of `kusto_config_set`, or any keyword of the connection string.
    /// Errors: `config` for an unknown name or a wrong value; the config is unchanged then.
    result<void> try_set(text_view key, text_view value)
    {
        return detail::call(kusto_config_set, c_ptr(), key.data(), key.size(), value.data(),
                            value.size());
    }
    /// As `try_set`; throws `error`.
    config &set(text_view key, text_view value) &
    {
        try_set(key, value).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    config set(text_view key, text_view value) && { return std::move(set(key, value)); }
    /// The same with a std::filesystem::path.
    template <class Path, class = detail::if_path<Path>> result<void> try_set(text_view key, const Path &value)
    {
        return try_set(key, detail::chars_of(value));
    }
    /// As `try_set`; throws `error`.
    template <class Path, class = detail::if_path<Path>> config &set(text_view key, const Path &value) &
    {
        try_set(key, value).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    template <class Path, class = detail::if_path<Path>> config set(text_view key, const Path &value) &&
    {
        return std::move(set(key, value));
    }
    /// Sets how tokens are obtained; replaces the connection string's login. Shared, not taken.
    result<void> try_set_credential(const credential &login)
    {
        return detail::call(kusto_config_set_credential, c_ptr(), login.c_ptr());
    }
    /// As `try_set_credential`; throws `error`.
    config &set_credential(const credential &login) &
    {
        try_set_credential(login).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    config set_credential(const credential &login) && { return std::move(set_credential(login)); }
    /// Sets who shows what a login of the connection string asks its user (`Login=device`):
    /// `show(const prompt &)`, as `credential::try_device_code` has it, or with a `prompted` as its result.
    /// Destroyed with the last config and client that uses it. Errors: `invalid_argument`.
    template <class F> result<void> try_set_prompt(F &&show)
    {
        using Show = std::decay_t<F>;
        return detail::call(kusto_config_set_prompt, c_ptr(), &detail::show_prompt<Show>,
                            static_cast<void *>(new Show(std::forward<F>(show))), &detail::drop<Show>);
    }
    /// As `try_set_prompt`; throws `error`.
    template <class F> config &set_prompt(F &&show) &
    {
        try_set_prompt(std::forward<F>(show)).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    template <class F> config set_prompt(F &&show) && { return std::move(set_prompt(std::forward<F>(show))); }
    /// Sends the log of the clients that are made of this config to `write(const log_event &)`, and not to that of
    /// `kusto::set_log`; replaces the previous callable for clients made later. It is called from any thread, also
    /// concurrently, must be quick and must not call the library. An event is lost if the callable throws. Destroyed
    /// with the last config, client and call that uses it. Errors: `invalid_argument`.
    template <class F> result<void> try_set_log(log_level most, F &&write)
    {
        using Write = std::decay_t<F>;
        return detail::call(kusto_config_set_log, c_ptr(), static_cast<std::int32_t>(most), &hand_on<Write>,
                            static_cast<void *>(new Write(std::forward<F>(write))), &detail::drop<Write>);
    }
    /// As `try_set_log`; throws `error`.
    template <class F> config &set_log(log_level most, F &&write) &
    {
        try_set_log(most, std::forward<F>(write)).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    template <class F> config set_log(log_level most, F &&write) &&
    {
        return std::move(set_log(most, std::forward<F>(write)));
    }
    /// Clients made later log to `kusto::set_log` again. Errors as `try_set_log`.
    result<void> try_clear_log()
    {
        return detail::call(kusto_config_set_log, c_ptr(), KUSTO_LOG_OFF, nullptr, nullptr, nullptr);
    }
    /// As `try_clear_log`; throws `error`.
    config &clear_log() &
    {
        try_clear_log().value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    config clear_log() && { return std::move(clear_log()); }
    /// The connection string with secrets masked, for logs; borrowed until the config is changed. One
    /// thread at a time.
    std::string_view redacted() const noexcept
    {
        std::size_t length = 0;
        const char *begin = kusto_config_redacted(c_ptr(), &length);
        return detail::text(begin, length);
    }

private:
    // What the service sees of this header, as of every language's binding; a program may set others.
    result<void> try_name()
    {
        const std::string version = std::to_string(KUSTO_VERSION_MAJOR) + '.' + std::to_string(KUSTO_VERSION_MINOR) +
                                    '.' + std::to_string(KUSTO_VERSION_PATCH);
        if (auto set = try_set("wrapper", "kusto-ingest-cpp/" + version); !set)
            return set;
        return try_set("runtime", "C++/" + std::to_string(detail::standard / 100 % 100));
    }

    template <class Write>
    static void KUSTO_CALL hand_on(void *user_data, std::int32_t level, const char *event, std::size_t event_length,
                                   const char *message, std::size_t message_length, const char *fields,
                                   std::size_t fields_length) noexcept
    {
        detail::failure lost;
        (void)detail::guarded(lost, [&] {
            (*static_cast<Write *>(user_data))(log_event{static_cast<log_level>(level), detail::text(event, event_length),
                                                         detail::text(message, message_length),
                                                         detail::text(fields, fields_length)});
        });
    }
};

// ---- ingestion: properties and sources --------------------------------------------------------------------

/// The target table, how data is read, what is reported. Every ingestion takes a copy: a later change affects
/// later ingestions only.
class props : public detail::object<kusto_props> {
public:
    /// For a table, with all defaults. A name has at most 1024 characters; the service allows letters and digits
    /// of any language, `_`, space, `.` and `-`. Throws `error`: `invalid_argument`.
    props(text_view database, text_view table) : props(try_make(database, table).value()) {}
    /// Takes properties of the C interface.
    explicit props(kusto_props *taken) noexcept : object(taken) {}
    /// As the constructor, without exceptions.
    static result<props> try_make(text_view database, text_view table)
    {
        return detail::make<props>(kusto_props_new, database.data(), database.size(), table.data(),
                                   table.size());
    }

    /// An independent copy. Errors: `invalid_argument` after a move.
    result<props> try_clone() const
    {
        return detail::make<props>(kusto_props_clone, static_cast<const kusto_props *>(c_ptr()));
    }
    /// As `try_clone`; throws `error`.
    props clone() const { return try_clone().value(); }
    /// Sets the format of the data. Errors: `invalid_argument`.
    result<void> try_set_format(data_format data)
    {
        return detail::call(kusto_props_set_format, c_ptr(), static_cast<std::int32_t>(data));
    }
    /// As `try_set_format`; throws `error`.
    props &set_format(data_format data) &
    {
        try_set_format(data).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    props set_format(data_format data) && { return std::move(set_format(data)); }
    /// Uses a mapping that exists in the table or database. Errors: `invalid_argument`.
    result<void> try_set_mapping_ref(text_view name)
    {
        return detail::call(kusto_props_set_mapping_ref, c_ptr(), name.data(), name.size());
    }
    /// As `try_set_mapping_ref`; throws `error`.
    props &set_mapping_ref(text_view name) &
    {
        try_set_mapping_ref(name).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    props set_mapping_ref(text_view name) && { return std::move(set_mapping_ref(name)); }
    /// Uses this mapping, a JSON array of columns. Errors: `invalid_argument`; nothing is changed then.
    result<void> try_set_mapping_json(text_view json)
    {
        return detail::call(kusto_props_set_mapping_json, c_ptr(), json.data(), json.size());
    }
    /// As `try_set_mapping_json`; throws `error`.
    props &set_mapping_json(text_view json) &
    {
        try_set_mapping_json(json).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    props set_mapping_json(text_view json) && { return std::move(set_mapping_json(json)); }
    /// Adds a tag unchanged, with its prefix (`drop-by:`, `ingest-by:`) if any. Errors: `invalid_argument`.
    result<void> try_add_tag(text_view tag)
    {
        return detail::call(kusto_props_add_tag, c_ptr(), tag.data(), tag.size());
    }
    /// As `try_add_tag`; throws `error`.
    props &add_tag(text_view tag) &
    {
        try_add_tag(tag).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    props add_tag(text_view tag) && { return std::move(add_tag(tag)); }
    /// Sets what the service reports and where. With the status table successes are always reported. Errors:
    /// `invalid_argument`.
    result<void> try_set_reporting(report_level level, report_method method)
    {
        return detail::call(kusto_props_set_reporting, c_ptr(), static_cast<std::int32_t>(level),
                            static_cast<std::int32_t>(method));
    }
    /// As `try_set_reporting`; throws `error`.
    props &set_reporting(report_level level, report_method method) &
    {
        try_set_reporting(level, method).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    props set_reporting(report_level level, report_method method) && { return std::move(set_reporting(level, method)); }
    /// Sets how the data gets to the service, for these ingestions; by default the client's setting `ingestion mode` says
    /// it. Errors: `invalid_argument`.
    result<void> try_set_mode(ingestion_mode mode)
    {
        return detail::call(kusto_props_set_mode, c_ptr(), static_cast<std::int32_t>(mode));
    }
    /// As `try_set_mode`; throws `error`.
    props &set_mode(ingestion_mode mode) &
    {
        try_set_mode(mode).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    props set_mode(ingestion_mode mode) && { return std::move(set_mode(mode)); }
    /// Makes ingestions idempotent under a key: the service skips data with a key that it has, so that a call that
    /// failed, also one in doubt, can be made again with the same data and the same key. It compares keys, never
    /// data, and remembers them as tags of the data: see `kusto_props_set_once`. Errors: `invalid_argument`.
    result<void> try_once(text_view key) { return detail::call(kusto_props_set_once, c_ptr(), key.data(), key.size()); }
    /// As `try_once`; throws `error`.
    props &once(text_view key) &
    {
        try_once(key).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    props once(text_view key) && { return std::move(once(key)); }
    /// Sets any property by its name in the service's documentation, such as "ignoreFirstRecord". Errors:
    /// `invalid_argument`, also for a name that the library does not know; nothing is changed then.
    result<void> try_set(text_view key, text_view value)
    {
        return detail::call(kusto_props_set, c_ptr(), key.data(), key.size(), value.data(),
                            value.size());
    }
    /// As `try_set`; throws `error`.
    props &set(text_view key, text_view value) &
    {
        try_set(key, value).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    props set(text_view key, text_view value) && { return std::move(set(key, value)); }
    /// As `try_set`, but a property that the library does not know is passed on to the service as it is.
    result<void> try_set_additional(text_view key, text_view value)
    {
        return detail::call(kusto_props_set_additional, c_ptr(), key.data(), key.size(), value.data(),
                            value.size());
    }
    /// As `try_set_additional`; throws `error`.
    props &set_additional(text_view key, text_view value) &
    {
        try_set_additional(key, value).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    props set_additional(text_view key, text_view value) && { return std::move(set_additional(key, value)); }
};

/// The progress of a transfer, in bytes.
struct progress {
    /// Read from the source.
    std::uint64_t read;
    /// Sent, and acknowledged by storage or, when streamed, by the engine, after compression.
    std::uint64_t sent;
    /// The source's size, 0 while it is unknown.
    std::uint64_t total;
};

/// One ingestion's data. The call that ingests it takes ownership of it, even when that call fails.
class source : public detail::object<kusto_source> {
public:
    /// Takes a source of the C interface.
    explicit source(kusto_source *taken) : object(taken), kept_(std::make_shared<detail::failure>()) {}

    /// Data in memory, copied. Empty data is an error of the ingestion. Errors: `invalid_argument`.
    static result<source> try_bytes(bytes_view data)
    {
        if (const auto wrong = detail::null_argument("data", data.is_null()))
            return *wrong;
        return detail::make<source>(kusto_source_bytes, data.data(), data.size(), nullptr, nullptr);
    }
    /// As `try_bytes`; throws `error`.
    static source bytes(bytes_view data) { return try_bytes(data).value(); }

    /// Data in a container that is moved in and kept as long as it is needed: std::string,
    /// std::vector<std::byte> and others that `bytes_view` accepts. Errors: `invalid_argument`.
    template <class Container> static result<source> try_owned(Container container)
    {
        auto kept = std::make_unique<Container>(std::move(container));
        const bytes_view data(*kept);
        return detail::make<source>(kusto_source_bytes, data.data(), data.size(), &detail::drop<Container>,
                                    static_cast<void *>(kept.release()));
    }
    /// As `try_owned`; throws `error`.
    template <class Container> static source owned(Container container)
    {
        return try_owned(std::move(container)).value();
    }

    /// Data in memory, not copied: it must stay valid and unchanged until `done()` is called, once, on any
    /// thread, also when this fails; `done` must not throw. Errors: `invalid_argument`.
    template <class F> static result<source> try_borrowed(bytes_view data, F &&done)
    {
        using Done = std::decay_t<F>;
        const auto give_back = [](void *user_data) noexcept {
            const std::unique_ptr<Done> owner(static_cast<Done *>(user_data));
            (*owner)();
        };
        if (const auto wrong = detail::null_argument("data", data.is_null())) {
            give_back(new Done(std::forward<F>(done)));
            return *wrong;
        }
        return detail::make<source>(kusto_source_bytes, data.data(), data.size(),
                                    static_cast<kusto_drop_fn>(give_back),
                                    static_cast<void *>(new Done(std::forward<F>(done))));
    }
    /// As `try_borrowed`; throws `error`.
    template <class F> static source borrowed(bytes_view data, F &&done)
    {
        return try_borrowed(data, std::forward<F>(done)).value();
    }

    /// A file, opened when the transfer starts; it must not change until the ingestion ends. Its extension
    /// determines the compression (.gz, .zip) and, unless the properties set it, the format. Paths are UTF-8
    /// on Windows and bytes elsewhere. A file that cannot be read is `source_io` of the ingestion.
    static result<source> try_file(text_view path)
    {
        return detail::make<source>(kusto_source_file, path.data(), path.size());
    }
    /// As `try_file`; throws `error`.
    static source file(text_view path) { return try_file(path).value(); }
    /// The same with a std::filesystem::path.
    template <class Path, class = detail::if_path<Path>> static result<source> try_file(const Path &path)
    {
        return try_file(detail::chars_of(path));
    }
    /// As `try_file`; throws `error`.
    template <class Path, class = detail::if_path<Path>> static source file(const Path &path)
    {
        return try_file(path).value();
    }

    /// An open file, pipe or socket, read from its current position to its end; nothing else may read from it
    /// meanwhile. With `take_ownership` the library closes it, unless this fails; otherwise it works on a
    /// duplicate. Errors: `invalid_argument` when it is not open, `unsupported` on Windows.
    static result<source> try_fd(int descriptor, bool take_ownership = false)
    {
        return detail::make<source>(kusto_source_fd, static_cast<std::int32_t>(descriptor),
                                    take_ownership ? 1 : 0);
    }
    /// As `try_fd`; throws `error`.
    static source fd(int descriptor, bool take_ownership = false)
    {
        return try_fd(descriptor, take_ownership).value();
    }

    /// A callable `read(void *buffer, std::size_t capacity)` that returns how many bytes it wrote to the
    /// buffer, 0 at the end of the data, less than 0 for a failure, as `::read` does. Never called by two
    /// threads at once; on the calling thread in `client::ingest`, on one of the library in
    /// `client::start_ingest`. A failure, or an exception, is `source_io` of the ingestion, and nothing is
    /// ingested.
    template <class F> static result<source> try_reader(F &&read)
    {
        using Read = std::decay_t<F>;
        auto kept = std::make_shared<detail::failure>();
        auto owner = std::make_unique<reader_of<Read>>(reader_of<Read>{std::forward<F>(read), kept});
        auto made = detail::make<source>(kusto_source_reader, &reader_of<Read>::call,
                                         static_cast<void *>(owner.release()), &detail::drop<reader_of<Read>>);
        if (made)
            made->kept_ = std::move(kept);
        return made;
    }
    /// As `try_reader`; throws `error`.
    template <class F> static source reader(F &&read) { return try_reader(std::forward<F>(read)).value(); }

    /// The remaining data of a stream, borrowed until the ingestion ends; the stream's state flags are not
    /// changed. One that has already failed is `source_io` of the ingestion.
    static result<source> try_istream(std::istream &in)
    {
        return try_reader([&in](void *buffer, std::size_t capacity) { return read_some(in, buffer, capacity); });
    }
    /// As `try_istream`; throws `error`.
    static source istream(std::istream &in) { return try_istream(in).value(); }
    /// The same with a stream that is moved in.
    static result<source> try_istream(std::unique_ptr<std::istream> in)
    {
        return try_reader([in = std::move(in)](void *buffer, std::size_t capacity) {
            return in ? read_some(*in, buffer, capacity) : -1;
        });
    }
    /// As `try_istream`; throws `error`.
    static source istream(std::unique_ptr<std::istream> in) { return try_istream(std::move(in)).value(); }

    /// Settings for data that the program pushes: for `client::try_stream`. Errors: none but defects of the
    /// library.
    static result<source> try_stream() { return detail::make<source>(kusto_source_stream); }
    /// As `try_stream`; throws `error`.
    static source stream() { return try_stream().value(); }

    /// A list of existing blobs: nothing is uploaded. Add them with `add_blob`; an empty list is an error of
    /// the ingestion.
    static result<source> try_blobs() { return detail::make<source>(kusto_source_blobs); }
    /// As `try_blobs`; throws `error`.
    static source blobs() { return try_blobs().value(); }

    /// Adds a blob by its URL followed by the authorization for the service. `raw_size` is its uncompressed
    /// size in bytes, 0 if unknown; without a source id, a UUID, the library chooses one. Errors:
    /// `invalid_argument`; `invalid_state` if it is not a list of blobs.
    result<void> try_add_blob(text_view url, std::uint64_t raw_size = 0,
                              std::optional<text_view> source_id = std::nullopt)
    {
        if (const auto wrong = detail::null_argument("source_id", source_id && source_id->is_null()))
            return *wrong;
        return detail::call(kusto_source_blobs_add, c_ptr(), url.data(), url.size(), raw_size,
                            source_id ? source_id->data() : nullptr, source_id ? source_id->size() : 0);
    }
    /// As `try_add_blob`; throws `error`.
    source &add_blob(text_view url, std::uint64_t raw_size = 0,
                     std::optional<text_view> source_id = std::nullopt) &
    {
        try_add_blob(url, raw_size, source_id).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    source add_blob(text_view url, std::uint64_t raw_size = 0,
                    std::optional<text_view> source_id = std::nullopt) &&
    {
        return std::move(add_blob(url, raw_size, source_id));
    }
    /// Sets the source id, a UUID, under which the outcome is reported; random by default. Errors:
    /// `invalid_argument`; `invalid_state` for blobs.
    result<void> try_set_id(text_view uuid)
    {
        return detail::call(kusto_source_set_id, c_ptr(), uuid.data(), uuid.size());
    }
    /// As `try_set_id`; throws `error`.
    source &set_id(text_view uuid) &
    {
        try_set_id(uuid).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    source set_id(text_view uuid) && { return std::move(set_id(uuid)); }
    /// Declares the compression that the data already has. Errors: `invalid_argument`; `invalid_state` for
    /// blobs.
    result<void> try_set_compression(compression declared)
    {
        return detail::call(kusto_source_set_compression, c_ptr(), static_cast<std::int32_t>(declared));
    }
    /// As `try_set_compression`; throws `error`.
    source &set_compression(compression declared) &
    {
        try_set_compression(declared).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    source set_compression(compression declared) && { return std::move(set_compression(declared)); }
    /// Sets the uncompressed size in bytes of data that is already compressed. Errors: `invalid_argument`;
    /// `invalid_state` for blobs.
    result<void> try_set_raw_size(std::uint64_t size)
    {
        return detail::call(kusto_source_set_raw_size, c_ptr(), size);
    }
    /// As `try_set_raw_size`; throws `error`.
    source &set_raw_size(std::uint64_t size) &
    {
        try_set_raw_size(size).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    source set_raw_size(std::uint64_t size) && { return std::move(set_raw_size(size)); }
    /// Sets a callable `on_progress(const progress &)` for the progress of the transfer, one call at a time, on a
    /// thread of the library (the last one of a blocking call possibly on the calling thread). It must not
    /// wait for the library. If it throws it is not called again; the transfer continues, and the ingesting
    /// call then fails with `errc::callback`, in doubt if the data was handed over. Errors:
    /// `invalid_argument`; `invalid_state` for blobs, which are not transferred.
    template <class F> result<void> try_set_progress(F &&on_progress)
    {
        using OnProgress = std::decay_t<F>;
        auto owner = std::make_unique<progress_of<OnProgress>>(progress_of<OnProgress>{std::forward<F>(on_progress), kept_});
        return detail::call(kusto_source_set_progress, c_ptr(), &progress_of<OnProgress>::call,
                            static_cast<void *>(owner.release()), &detail::drop<progress_of<OnProgress>>);
    }
    /// As `try_set_progress`; throws `error`.
    template <class F> source &set_progress(F &&on_progress) &
    {
        try_set_progress(std::forward<F>(on_progress)).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    template <class F> source set_progress(F &&on_progress) && { return std::move(set_progress(std::forward<F>(on_progress))); }
    /// Removes the callable of `set_progress`. Errors as there.
    result<void> try_clear_progress()
    {
        return detail::call(kusto_source_set_progress, c_ptr(), nullptr, nullptr, nullptr);
    }
    /// As `try_clear_progress`; throws `error`.
    source &clear_progress() &
    {
        try_clear_progress().value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    source clear_progress() && { return std::move(clear_progress()); }

    /// Not for users: where callbacks of this source store their exceptions.
    const std::shared_ptr<detail::failure> &kept() const noexcept { return kept_; }

private:
    template <class Read> struct reader_of {
        Read read;
        std::shared_ptr<detail::failure> kept;

        static std::int64_t KUSTO_CALL call(void *user_data, std::uint8_t *buffer, std::size_t capacity) noexcept
        {
            auto &self = *static_cast<reader_of *>(user_data);
            std::int64_t given = -1;
            (void)detail::guarded(*self.kept, [&] {
                given = static_cast<std::int64_t>(self.read(static_cast<void *>(buffer), capacity));
            });
            return given;
        }
    };
    template <class OnProgress> struct progress_of {
        OnProgress on_progress;
        std::shared_ptr<detail::failure> kept;

        static void KUSTO_CALL call(void *user_data, std::uint64_t read, std::uint64_t sent,
                                    std::uint64_t total) noexcept
        {
            auto &self = *static_cast<progress_of *>(user_data);
            if (!self.kept->kept())
                (void)detail::guarded(*self.kept, [&] { self.on_progress(progress{read, sent, total}); });
        }
    };
    /// Past the formatted layer: its flags would swallow the buffer's exceptions.
    static std::int64_t read_some(std::istream &in, void *buffer, std::size_t capacity)
    {
        if (in.fail() || in.rdbuf() == nullptr)
            return -1;
        return in.rdbuf()->sgetn(static_cast<char *>(buffer), static_cast<std::streamsize>(capacity));
    }

    std::shared_ptr<detail::failure> kept_;
};

// ---- ingestion: receipts, operations, reports -------------------------------------------------------------

/// What the update policy of a table made of streamed data, in the service's words. The texts refer to the receipt.
struct update_policy {
    std::string_view status;         ///< Such as `Inactive` where the table has none.
    std::string_view failure_code;   ///< `Unknown` where there is no failure.
    std::string_view failure_reason; ///< Empty where there is no failure.
    bool failed;                     ///< The rows are in the table, and what the policy makes of them may not be in the others.
};

/// Proof that data was handed over. Unless it was streamed it is not ingested yet: the service batches. Immutable.
class receipt : public detail::object<kusto_result> {
public:
    /// Takes a result of the C interface.
    explicit receipt(kusto_result *taken) noexcept : object(taken) {}

    /// The reference with which `client::track` reads the status. It contains no secret: a program can store
    /// it and use it after a restart.
    std::string_view tracking_token() const noexcept
    {
        std::size_t length = 0;
        const char *begin = kusto_result_tracking_token(c_ptr(), &length);
        return detail::text(begin, length);
    }
    /// The source id (a UUID) of the first item.
    std::string_view source_id() const noexcept
    {
        std::size_t length = 0;
        const char *begin = kusto_result_source_id(c_ptr(), &length);
        return detail::text(begin, length);
    }
    /// The id of the ingestion in the service's logs: the property `clientRequestId`, or one that the library made.
    std::string_view client_request_id() const noexcept
    {
        std::size_t length = 0;
        const char *begin = kusto_result_client_request_id(c_ptr(), &length);
        return detail::text(begin, length);
    }
    /// The number of items: one, or one for each blob, in their order.
    std::size_t size() const noexcept { return kusto_result_len(c_ptr()); }
    /// The source id (a UUID) of an item, counted from 0; empty if there is no such item.
    std::string_view item_source_id(std::size_t index) const noexcept
    {
        std::size_t length = 0;
        const char *begin = kusto_result_item_source_id(c_ptr(), index, &length);
        return detail::text(begin, length);
    }
    /// The address of an item's blob, without its signature; empty if there is no such item.
    std::string_view item_blob(std::size_t index) const noexcept
    {
        std::size_t length = 0;
        const char *begin = kusto_result_item_blob(c_ptr(), index, &length);
        return detail::text(begin, length);
    }
    /// The name of the format under which the service reads an item; empty if there is no such item.
    std::string_view item_format(std::size_t index) const noexcept
    {
        std::size_t length = 0;
        const char *begin = kusto_result_item_format(c_ptr(), index, &length);
        return detail::text(begin, length);
    }
    /// Whether an item's format is only the default: none was given, and neither the source's name nor the
    /// mapping says one.
    bool item_format_assumed(std::size_t index) const noexcept
    {
        return kusto_result_item_format_assumed(c_ptr(), index) != 0;
    }
    /// Uncompressed bytes of all items whose size is known.
    std::uint64_t bytes_raw() const noexcept { return kusto_result_bytes_raw(c_ptr()); }
    /// Bytes that were uploaded or streamed, after compression.
    std::uint64_t bytes_sent() const noexcept { return kusto_result_bytes_sent(c_ptr()); }
    /// How the data got to the service. Streamed data is ingested.
    kusto::route route() const noexcept { return static_cast<kusto::route>(kusto_result_route(c_ptr())); }
    /// How many streaming requests were sent; 0 when none was tried.
    std::uint32_t attempts() const noexcept { return kusto_result_attempts(c_ptr()); }
    /// Why managed ingestion queued data that it would have streamed, if it did; nothing for what it does not try to
    /// stream (see `kusto_result_fallback_cause`).
    std::optional<error> fallback_cause() const
    {
        const kusto_error *cause = kusto_result_fallback_cause(c_ptr());
        if (cause == nullptr)
            return std::nullopt;
        kusto_error *copy = nullptr;
        kusto_error_copy(cause, &copy);
        return error(kusto_error_status(cause), copy);
    }
    /// Whether the data may be in the table twice, as the setting `in doubt` can ask.
    bool possibly_duplicated() const noexcept { return kusto_result_possibly_duplicated(c_ptr()) != 0; }
    /// What the update policy of the table made of streamed data, if the service said it.
    std::optional<kusto::update_policy> update_policy() const noexcept
    {
        std::size_t length = 0;
        const char *begin = kusto_result_update_policy(c_ptr(), &length);
        if (begin == nullptr)
            return std::nullopt;
        kusto::update_policy policy{};
        policy.status = detail::text(begin, length);
        begin = kusto_result_update_policy_code(c_ptr(), &length);
        policy.failure_code = detail::text(begin, length);
        begin = kusto_result_update_policy_reason(c_ptr(), &length);
        policy.failure_reason = detail::text(begin, length);
        policy.failed = kusto_result_update_policy_failed(c_ptr()) != 0;
        return policy;
    }
};

class rows;
class report;

namespace detail {

/// Reads an operation's result, by its type.
inline result<receipt> given_by(const kusto_op *op, const receipt *) { return make<receipt>(kusto_op_result, op); }
result<rows> given_by(const kusto_op *op, const rows *);
result<report> given_by(const kusto_op *op, const report *);
inline result<void> given_by(const kusto_op *op, const void *)
{
    return call(kusto_op_wait, op, static_cast<std::int64_t>(0));
}

/// An operation's result, with the exceptions of its callbacks.
template <class T> result<T> result_of(const kusto_op *op, const std::shared_ptr<failure> &kept)
{
    auto came = given_by(op, static_cast<const T *>(nullptr));
    return came.code() == errc::would_block ? std::move(came) : judged(std::move(came), kept);
}

/// Stands for no completion callback.
struct no_callback {};

/// A completion callback, and where it stores its exception.
template <class T, class Done> struct done_of {
    Done done;
    std::shared_ptr<failure> kept, own;

    static void KUSTO_CALL call(void *user_data, const kusto_op *op) noexcept
    {
        auto &self = *static_cast<done_of *>(user_data);
        (void)guarded(*self.own, [&] { self.done(result_of<T>(op, self.kept)); });
    }
};

} // namespace detail

/// A call under way in the background, whose result is a T: a `receipt`, `rows`, a `report`, or nothing.
/// Destroying it does not stop the call, and its callback is still called. Destroying the last client, stream
/// or operation may wait for callbacks.
template <class T> class operation : public detail::object<kusto_op> {
public:
    /// Takes an operation of the C interface whose result is a T.
    explicit operation(kusto_op *taken) noexcept : object(taken) {}

    /// Its state. Never waits; any thread, also in a callback.
    operation_state state() const noexcept { return static_cast<operation_state>(kusto_op_state(c_ptr())); }
    /// Waits for its end; false if it still runs at the limit. `state` and `get` report the result. Reaching
    /// the limit does not stop it. Any thread; in a callback only with a limit of zero or when it has ended.
    /// Errors: `invalid_state` in a callback.
    result<bool> try_wait(time_limit limit = {}) const
    {
        auto waited = detail::call(kusto_op_wait, static_cast<const kusto_op *>(c_ptr()), limit.milliseconds());
        if (waited || (*this && state() != operation_state::running))
            return true;
        if (waited.code() == errc::would_block)
            return false;
        return waited.error();
    }
    /// As `try_wait`; throws `error`.
    bool wait(time_limit limit = {}) const { return try_wait(limit).value(); }
    /// Waits for its end and returns its result. Threads as `try_wait`. Errors: the operation's own
    /// (`cancelled` if it was), `would_block` when it still runs.
    result<T> try_get(time_limit limit = {}) const
    {
        const auto ended = try_wait(limit);
        return ended ? detail::result_of<T>(c_ptr(), kept_) : result<T>(ended.error());
    }
    /// As `try_get`; throws `error`.
    T get(time_limit limit = {}) const { return try_get(limit).value(); }
    /// Requests cancellation and returns at once. It may still succeed: `state` shows it. Any thread, also in
    /// a callback. A cancelled upload may leave a blob that was never queued.
    void cancel() const noexcept { kusto_op_cancel(c_ptr()); }
    /// The exception of the completion callback; null if none, or if it was not called yet.
    std::exception_ptr callback_error() const { return own_ ? own_->cause() : nullptr; }

    /// Not for users: starts an operation by a C function that takes a completion callback.
    template <class D, class F, class... Arguments>
    static result<operation> begin(D &&done, std::shared_ptr<detail::failure> kept, F function,
                                   Arguments... arguments)
    {
        using Plain = std::decay_t<D>;
        if constexpr (std::is_same_v<Plain, detail::no_callback>) {
            auto made = detail::make<operation>(function, arguments..., nullptr, nullptr, nullptr);
            if (made)
                made->kept_ = std::move(kept);
            return made;
        } else {
            using Done = detail::done_of<T, Plain>;
            auto own = std::make_shared<detail::failure>();
            auto owner = std::make_unique<Done>(Done{std::forward<D>(done), kept, own});
            auto made = detail::make<operation>(function, arguments..., &Done::call,
                                                static_cast<void *>(owner.release()), &detail::drop<Done>);
            if (made) {
                made->kept_ = std::move(kept);
                made->own_ = std::move(own);
            }
            return made;
        }
    }

private:
    std::shared_ptr<detail::failure> kept_, own_;
};

/// One ingestion whose data the program pushes. Destroying it unfinished discards the data: nothing is
/// ingested.
class push_stream : public detail::object<kusto_stream> {
public:
    /// Takes a stream of the C interface.
    explicit push_stream(kusto_stream *taken) noexcept : object(taken) {}
    /// Not for users: also takes where its callbacks store their exceptions.
    push_stream(push_stream &&taken, std::shared_ptr<detail::failure> kept) noexcept
        : object(std::move(taken)), kept_(std::move(kept))
    {
    }

    /// Writes data, which is borrowed during the call, and returns how many bytes were accepted: all of them
    /// without a limit, else at least one. Waits while too much is on its way to storage; with a limit of
    /// zero it never waits and may be called in a callback. Errors: `would_block` (limit zero) or `timed_out`
    /// when nothing was accepted; the ingestion's own when it has failed; `invalid_state` after `finish`.
    result<std::size_t> try_write(bytes_view data, time_limit limit = {})
    {
        if (const auto wrong = detail::null_argument("data", data.is_null()))
            return *wrong;
        std::size_t written = 0;
        auto wrote = detail::call(kusto_stream_write, c_ptr(), data.data(), data.size(), limit.milliseconds(),
                                  &written);
        return wrote ? result<std::size_t>(written) : result<std::size_t>(wrote.error());
    }
    /// As `try_write`; throws `error`.
    std::size_t write(bytes_view data, time_limit limit = {}) { return try_write(data, limit).value(); }

    /// Ends the data: the written bytes are the whole source. Returns at once; the operation, whose time
    /// limit begins now, ends when the data is handed over. `done`, if given, is called then, see
    /// `client::try_start_ingest`. Without data the operation fails. Errors: `invalid_state` when it is
    /// finished.
    template <class F = detail::no_callback>
    result<operation<receipt>> try_finish(time_limit limit = {}, F &&done = F())
    {
        return operation<receipt>::begin(std::forward<F>(done), kept_, kusto_stream_finish, c_ptr(),
                                         limit.milliseconds());
    }
    /// As `try_finish`; throws `error`.
    template <class F = detail::no_callback> operation<receipt> finish(time_limit limit = {}, F &&done = F())
    {
        return try_finish(limit, std::forward<F>(done)).value();
    }

    /// Reports that the program's own source has failed: the stream accepts no more, and the operation of
    /// `finish` fails with `source_io` and this text. Errors: `invalid_state` when it is finished or has
    /// failed.
    result<void> try_fail(text_view message)
    {
        return detail::call(kusto_stream_fail, c_ptr(), message.data(), message.size());
    }
    /// As `try_fail`; throws `error`.
    void fail(text_view message) { try_fail(message).value(); }

    /// Cancels the ingestion and returns at once: a waiting `write` fails with `cancelled`, and so does the
    /// operation of `finish`. Any thread, also while another uses the stream.
    void cancel() const noexcept { kusto_stream_cancel(c_ptr()); }

private:
    std::shared_ptr<detail::failure> kept_;
};

/// The status of ingestions: items, one for each source. Immutable.
class report : public detail::object<kusto_report> {
public:
    /// Takes a report of the C interface.
    explicit report(kusto_report *taken) noexcept : object(taken) {}

    /// One item, borrowed from its report. All texts are empty where the service sends none.
    class item {
    public:
        /// The item at this index, counted from 0; one that does not exist has empty texts.
        item(const kusto_report *owner, std::size_t index) noexcept : owner_(owner), index_(index) {}

        /// Its state; -1 for an item that does not exist.
        item_state state() const noexcept
        {
            return static_cast<item_state>(kusto_report_item_state(owner_, index_));
        }
        /// Whether ingesting the same data again can succeed.
        retry_class retry() const noexcept
        {
            return static_cast<retry_class>(kusto_report_item_retry(owner_, index_));
        }
        /// The source id (a UUID) of the ingestion.
        std::string_view source_id() const noexcept { return ask(kusto_report_item_source_id); }
        /// The address of its blob, without its signature.
        std::string_view source_path() const noexcept { return ask(kusto_report_item_source_path); }
        /// The database.
        std::string_view database() const noexcept { return ask(kusto_report_item_database); }
        /// The table.
        std::string_view table() const noexcept { return ask(kusto_report_item_table); }
        /// When the state was reached, in the service's notation (UTC).
        std::string_view updated_on() const noexcept { return ask(kusto_report_item_updated_on); }
        /// The service's operation, for `.show operations`.
        std::string_view operation_id() const noexcept { return ask(kusto_report_item_operation_id); }
        /// The service's id of its activity, which its support asks for.
        std::string_view activity_id() const noexcept { return ask(kusto_report_item_activity_id); }
        /// The service's error code, such as "BadRequest_EmptyBlob".
        std::string_view error_code() const noexcept { return ask(kusto_report_item_error_code); }
        /// The service's text about the item.
        std::string_view details() const noexcept { return ask(kusto_report_item_details); }

    private:
        std::string_view ask(const char *(*question)(const kusto_report *, std::size_t, std::size_t *)) const noexcept
        {
            std::size_t length = 0;
            const char *begin = question(owner_, index_, &length);
            return detail::text(begin, length);
        }
        const kusto_report *owner_;
        std::size_t index_;
    };

    /// Goes over the items in their order, with random access; borrowed from the report.
    class iterator {
    public:
        /// Items are values: for algorithms of C++17 it only reads, once.
        using iterator_category = std::input_iterator_tag;
        /// For those of C++20.
        using iterator_concept = std::random_access_iterator_tag;
        /// What it stands on.
        using value_type = item;
        /// The same: a value.
        using reference = item;
        /// Of two iterators of the same report.
        using difference_type = std::ptrdiff_t;
        /// Holds the item while its member is called.
        class pointer {
        public:
            /// Of this item.
            explicit pointer(item of) noexcept : item_(of) {}
            /// The item.
            const item *operator->() const noexcept { return &item_; }

        private:
            item item_;
        };

        /// Of no report.
        iterator() noexcept = default;
        /// At this index of a report.
        iterator(const kusto_report *owner, difference_type index) noexcept : owner_(owner), index_(index) {}
        /// The item.
        item operator*() const noexcept { return item(owner_, static_cast<std::size_t>(index_)); }
        /// A member of the item.
        pointer operator->() const noexcept { return pointer(**this); }
        /// The item so much further on.
        item operator[](difference_type distance) const noexcept { return *(*this + distance); }
        /// To the next item.
        iterator &operator++() noexcept { return *this += 1; }
        /// To the next item; returns where it was.
        iterator operator++(int) noexcept { return iterator(owner_, index_++); }
        /// To the item before.
        iterator &operator--() noexcept { return *this -= 1; }
        /// To the item before; returns where it was.
        iterator operator--(int) noexcept { return iterator(owner_, index_--); }
        /// So much further on.
        iterator &operator+=(difference_type distance) noexcept
        {
            index_ += distance;
            return *this;
        }
        /// So much back.
        iterator &operator-=(difference_type distance) noexcept { return *this += -distance; }
        /// So much further on.
        friend iterator operator+(iterator from, difference_type distance) noexcept { return from += distance; }
        /// So much further on.
        friend iterator operator+(difference_type distance, iterator from) noexcept { return from += distance; }
        /// So much back.
        friend iterator operator-(iterator from, difference_type distance) noexcept { return from -= distance; }
        /// How far apart they are.
        friend difference_type operator-(iterator a, iterator b) noexcept { return a.index_ - b.index_; }
        /// Whether they stand on the same item.
        friend bool operator==(iterator a, iterator b) noexcept { return a.index_ == b.index_; }
        /// Whether they stand on different items.
        friend bool operator!=(iterator a, iterator b) noexcept { return a.index_ != b.index_; }
        /// Whether `a` comes first.
        friend bool operator<(iterator a, iterator b) noexcept { return a.index_ < b.index_; }
        /// Whether `b` comes first.
        friend bool operator>(iterator a, iterator b) noexcept { return b < a; }
        /// Whether `b` does not come first.
        friend bool operator<=(iterator a, iterator b) noexcept { return !(b < a); }
        /// Whether `a` does not come first.
        friend bool operator>=(iterator a, iterator b) noexcept { return !(a < b); }

    private:
        const kusto_report *owner_ = nullptr;
        difference_type index_ = 0;
    };

    /// At the first item.
    iterator begin() const noexcept { return iterator(c_ptr(), 0); }
    /// Behind the last item.
    iterator end() const noexcept { return iterator(c_ptr(), static_cast<std::ptrdiff_t>(size())); }
    /// Whether there is no item.
    bool empty() const noexcept { return size() == 0; }
    /// How many items there are.
    std::size_t size() const noexcept { return kusto_report_len(c_ptr()); }
    /// How many items are in a state.
    std::uint64_t count(item_state state) const noexcept
    {
        return kusto_report_count(c_ptr(), static_cast<std::int32_t>(state));
    }
    /// An item, counted from 0; borrowed from the report.
    item operator[](std::size_t index) const noexcept { return item(c_ptr(), index); }
    /// All items with all fields as a JSON array, under the service's names.
    std::string_view json() const noexcept
    {
        std::size_t length = 0;
        const char *begin = kusto_report_json(c_ptr(), &length);
        return detail::text(begin, length);
    }
};

// ---- commands and queries ----------------------------------------------------------------------------------

/// The text of a management command, for `client::execute`.
class command : public detail::object<kusto_command> {
public:
    /// Takes a command of the C interface.
    explicit command(kusto_command *taken) noexcept : object(taken) {}

    /// Creates the command `.create table`; `add_column` adds its columns. Errors: `invalid_argument`.
    static result<command> try_create_table(text_view table)
    {
        return detail::make<command>(kusto_command_create_table, table.data(), table.size());
    }
    /// As `try_create_table`; throws `error`.
    static command create_table(text_view table) { return try_create_table(table).value(); }
    /// Creates the command `.create table T ingestion ... mapping`, or `.create-or-alter` with `replace`;
    /// `json` is the mapping, in the current or the legacy shape. Errors: `invalid_argument`.
    static result<command> try_create_mapping(text_view table, data_format data, text_view name,
                                              text_view json, bool replace = false)
    {
        return detail::make<command>(kusto_command_create_mapping, table.data(), table.size(),
                                     static_cast<std::int32_t>(data), name.data(), name.size(),
                                     json.data(), json.size(), replace ? 1 : 0);
    }
    /// As `try_create_mapping`; throws `error`.
    static command create_mapping(text_view table, data_format data, text_view name,
                                  text_view json, bool replace = false)
    {
        return try_create_mapping(table, data, name, json, replace).value();
    }

    /// Adds a column. Its type is a Kusto type ("long") or a .NET type ("System.Int64"). Errors:
    /// `invalid_argument`; the command is unchanged then.
    result<void> try_add_column(text_view name, text_view type)
    {
        return detail::call(kusto_command_add_column, c_ptr(), name.data(), name.size(),
                            type.data(), type.size());
    }
    /// As `try_add_column`; throws `error`.
    command &add_column(text_view name, text_view type) &
    {
        try_add_column(name, type).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    command add_column(text_view name, text_view type) && { return std::move(add_column(name, type)); }
    /// The text; empty for a table that has no column yet. Borrowed until the command is changed.
    std::string_view text() const noexcept
    {
        std::size_t length = 0;
        const char *begin = kusto_command_text(c_ptr(), &length);
        return detail::text(begin, length);
    }
};

/// Options and parameters of commands and queries; may be used for any number of them.
class request_options : public detail::object<kusto_request_options> {
public:
    /// All defaults. Throws `error`: none but defects of the library.
    request_options() : request_options(try_make().value()) {}
    /// Takes options of the C interface.
    explicit request_options(kusto_request_options *taken) noexcept : object(taken) {}
    /// As the constructor, without exceptions.
    static result<request_options> try_make() { return detail::make<request_options>(kusto_request_options_new); }

    /// Sets one of the service's request options by its name, such as "notruncation"; the value is JSON, any
    /// other text is sent as a string. Errors: `invalid_argument`, also for a name that docs/SETTINGS.md does
    /// not list (`set_additional` passes it on).
    result<void> try_set(text_view name, text_view value)
    {
        return detail::call(kusto_request_options_set, c_ptr(), name.data(), name.size(),
                            value.data(), value.size());
    }
    /// As `try_set`; throws `error`.
    request_options &set(text_view name, text_view value) &
    {
        try_set(name, value).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    request_options set(text_view name, text_view value) && { return std::move(set(name, value)); }
    /// Passes an option on whose name the library does not know. Errors: `invalid_argument`.
    result<void> try_set_additional(text_view name, text_view value)
    {
        return detail::call(kusto_request_options_set_additional, c_ptr(), name.data(), name.size(),
                            value.data(), value.size());
    }
    /// As `try_set_additional`; throws `error`.
    request_options &set_additional(text_view name, text_view value) &
    {
        try_set_additional(name, value).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    request_options set_additional(text_view name, text_view value) && { return std::move(set_additional(name, value)); }
    /// Sets a query parameter, which the query declares; the value is the literal of its type, for a string
    /// the bare text. Errors: `invalid_argument`.
    result<void> try_set_parameter(text_view name, text_view value)
    {
        return detail::call(kusto_request_options_set_parameter, c_ptr(), name.data(), name.size(),
                            value.data(), value.size());
    }
    /// As `try_set_parameter`; throws `error`.
    request_options &set_parameter(text_view name, text_view value) &
    {
        try_set_parameter(name, value).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    request_options set_parameter(text_view name, text_view value) && { return std::move(set_parameter(name, value)); }
    /// The id under which the service logs the request; chosen by the library when not set. Errors:
    /// `invalid_argument`, also for text that an HTTP header cannot hold.
    result<void> try_set_client_request_id(text_view id)
    {
        return detail::call(kusto_request_options_set_client_request_id, c_ptr(), id.data(), id.size());
    }
    /// As `try_set_client_request_id`; throws `error`.
    request_options &set_client_request_id(text_view id) &
    {
        try_set_client_request_id(id).value();
        return *this;
    }
    /// The same for a temporary, which it passes on.
    request_options set_client_request_id(text_view id) && { return std::move(set_client_request_id(id)); }
};

/// Time in the units of Kusto, 100 nanoseconds: a `timespan` in its whole range.
using ticks = std::chrono::duration<std::int64_t, std::ratio<1, 10000000>>;
/// A `datetime` in its whole range and precision.
using date_time = std::chrono::time_point<std::chrono::system_clock, ticks>;

namespace detail {

/// Reads digits from the front of a text, at least one and at most `most`, and removes them.
inline bool take_number(std::string_view &text, std::size_t most, std::uint64_t &number) noexcept
{
    std::size_t length = 0;
    number = 0;
    for (; length < text.size() && length < most && text[length] >= '0' && text[length] <= '9'; length++)
        number = number * 10 + static_cast<std::uint64_t>(text[length] - '0');
    text.remove_prefix(length);
    return length > 0;
}

/// Removes a character from the front of a text, if it is there.
inline bool take(std::string_view &text, char wanted) noexcept
{
    const bool there = !text.empty() && text.front() == wanted;
    text.remove_prefix(there ? 1 : 0);
    return there;
}

/// Reads a number of exactly this many digits, which is less than `limit`.
inline bool take_digits(std::string_view &text, std::size_t digits, std::uint64_t limit, std::uint64_t &number) noexcept
{
    const std::size_t before = text.size();
    return take_number(text, digits, number) && before - text.size() == digits && number < limit;
}

/// Reads `hh:mm:ss` with up to seven digits behind it, as ticks.
inline bool take_clock(std::string_view &text, std::uint64_t &total) noexcept
{
    std::uint64_t hours = 0, minutes = 0, seconds = 0, fraction = 0;
    if (!take_digits(text, 2, 24, hours) || !take(text, ':') || !take_digits(text, 2, 60, minutes) ||
        !take(text, ':') || !take_digits(text, 2, 60, seconds))
        return false;
    if (take(text, '.')) {
        const std::size_t before = text.size();
        if (!take_number(text, 7, fraction))
            return false;
        for (std::size_t digits = before - text.size(); digits < 7; digits++)
            fraction *= 10;
    }
    total = ((hours * 60 + minutes) * 60 + seconds) * 10000000 + fraction;
    return true;
}

inline bool parse(std::string_view text, bool &value) noexcept
{
    value = text == "true";
    return value || text == "false";
}

inline bool parse(std::string_view text, std::string_view &value) noexcept
{
    value = text;
    return true;
}

inline bool parse(std::string_view text, std::int32_t &value) noexcept
{
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    return failed == std::errc() && end == text.data() + text.size();
}

inline bool parse(std::string_view text, double &value)
{
    using limits = std::numeric_limits<double>;
    if (text == "NaN" || text == "Infinity" || text == "-Infinity") {
        value = text == "NaN" ? limits::quiet_NaN() : text == "Infinity" ? limits::infinity() : -limits::infinity();
        return true;
    }
#ifdef __cpp_lib_to_chars
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    return failed == std::errc() && end == text.data() + text.size();
#else
    std::istringstream in{std::string(text)};
    in.imbue(std::locale::classic());
    return static_cast<bool>(in >> value) && in.peek() == std::istringstream::traits_type::eof();
#endif
}

/// Reads `[-][d.]hh:mm:ss[.fffffff]`.
inline bool parse(std::string_view text, ticks &value) noexcept
{
    constexpr std::uint64_t day = 864000000000, longest = std::uint64_t(1) << 63;
    const bool negative = take(text, '-');
    std::uint64_t days = 0, clock = 0;
    if (text.substr(0, text.find(':')).find('.') != std::string_view::npos &&
        (!take_number(text, 8, days) || !take(text, '.')))
        return false;
    if (!take_clock(text, clock) || !text.empty() || days > longest / day)
        return false;
    const std::uint64_t total = days * day + clock;
    if (total > longest || (total == longest && !negative))
        return false;
    // The least value has no counterpart.
    value = total == longest ? ticks::min() : ticks(static_cast<std::int64_t>(total) * (negative ? -1 : 1));
    return true;
}

/// The days from 1970-01-01 to a day of the Gregorian calendar, counted in its 400-year periods from March on.
inline std::int64_t days_to(std::int64_t year, std::int64_t month, std::int64_t day) noexcept
{
    const std::int64_t from_march = (month + 9) % 12, of_march = year - (month <= 2 ? 1 : 0);
    const std::int64_t day_of_year = (153 * from_march + 2) / 5 + day - 1;
    return of_march * 365 + of_march / 4 - of_march / 100 + of_march / 400 + day_of_year - 719468;
}

/// Reads `yyyy-mm-ddThh:mm:ss[.fffffff]Z`.
inline bool parse(std::string_view text, date_time &value) noexcept
{
    std::uint64_t year = 0, month = 0, day = 0, clock = 0;
    if (!take_digits(text, 4, 10000, year) || !take(text, '-') || !take_digits(text, 2, 13, month) ||
        !take(text, '-') || !take_digits(text, 2, 32, day) || !take(text, 'T') || !take_clock(text, clock) ||
        text != "Z" || year == 0 || month == 0 || day == 0)
        return false;
    const std::int64_t days = days_to(static_cast<std::int64_t>(year), static_cast<std::int64_t>(month),
                                      static_cast<std::int64_t>(day));
    value = date_time(ticks(days * 864000000000 + static_cast<std::int64_t>(clock)));
    return true;
}

/// The values of the current row, by column, counted from 0: the part that `rows` and `rows::row` share. Each has one
/// type; nothing stands for null. Errors: `invalid_argument` for a column of another type, for one that does not
/// exist, and for a value that the service sent in another notation; `invalid_state` without a current row.
template <class Derived> class cells {
public:
    /// Any value in the service's notation, borrowed until the cursor moves; nothing for null, and where there is no
    /// such column or no current row.
    std::optional<std::string_view> text(std::size_t column) const noexcept
    {
        std::size_t length = 0;
        const char *begin = kusto_rows_text(of(), column, &length);
        return begin ? std::optional(std::string_view(begin, length)) : std::nullopt;
    }
    /// A `long` or `int`.
    result<std::optional<std::int64_t>> try_int64(std::size_t column) const
    {
        std::int64_t value = 0;
        const auto got = call(kusto_rows_int64, of(), column, &value);
        if (got)
            return std::optional(value);
        if (got.code() == errc::not_found)
            return std::optional<std::int64_t>();
        return got.error();
    }
    /// As `try_int64`; throws `error`.
    std::optional<std::int64_t> int64(std::size_t column) const { return try_int64(column).value(); }
    /// An `int`.
    result<std::optional<std::int32_t>> try_int32(std::size_t column) const { return read<std::int32_t>(column, "int"); }
    /// As `try_int32`; throws `error`.
    std::optional<std::int32_t> int32(std::size_t column) const { return try_int32(column).value(); }
    /// A `bool`.
    result<std::optional<bool>> try_boolean(std::size_t column) const { return read<bool>(column, "bool"); }
    /// As `try_boolean`; throws `error`.
    std::optional<bool> boolean(std::size_t column) const { return try_boolean(column).value(); }
    /// A `real`, also NaN and the infinities.
    result<std::optional<double>> try_real(std::size_t column) const { return read<double>(column, "real"); }
    /// As `try_real`; throws `error`.
    std::optional<double> real(std::size_t column) const { return try_real(column).value(); }
    /// A `decimal` with all its digits, which no binary number has; borrowed until the cursor moves.
    result<std::optional<std::string_view>> try_decimal(std::size_t column) const
    {
        return read<std::string_view>(column, "decimal");
    }
    /// As `try_decimal`; throws `error`.
    std::optional<std::string_view> decimal(std::size_t column) const { return try_decimal(column).value(); }
    /// A `string`, which is never null; borrowed until the cursor moves.
    result<std::optional<std::string_view>> try_string(std::size_t column) const
    {
        return read<std::string_view>(column, "string");
    }
    /// As `try_string`; throws `error`.
    std::optional<std::string_view> string(std::size_t column) const { return try_string(column).value(); }
    /// A `datetime`, in UTC.
    result<std::optional<date_time>> try_datetime(std::size_t column) const { return read<date_time>(column, "datetime"); }
    /// As `try_datetime`; throws `error`.
    std::optional<date_time> datetime(std::size_t column) const { return try_datetime(column).value(); }
    /// A `timespan`.
    result<std::optional<ticks>> try_timespan(std::size_t column) const { return read<ticks>(column, "timespan"); }
    /// As `try_timespan`; throws `error`.
    std::optional<ticks> timespan(std::size_t column) const { return try_timespan(column).value(); }
    /// A `guid` as text in small letters, such as "74be27de-1e4e-49d9-b579-fe0b331d3642"; borrowed until the cursor
    /// moves.
    result<std::optional<std::string_view>> try_guid(std::size_t column) const
    {
        return read<std::string_view>(column, "guid");
    }
    /// As `try_guid`; throws `error`.
    std::optional<std::string_view> guid(std::size_t column) const { return try_guid(column).value(); }
    /// A `dynamic` as JSON, as the service wrote it; borrowed until the cursor moves.
    result<std::optional<std::string_view>> try_dynamic(std::size_t column) const
    {
        return read<std::string_view>(column, "dynamic");
    }
    /// As `try_dynamic`; throws `error`.
    std::optional<std::string_view> dynamic(std::size_t column) const { return try_dynamic(column).value(); }

private:
    const kusto_rows *of() const noexcept { return static_cast<const Derived &>(*this).c_ptr(); }

    template <class T> result<std::optional<T>> read(std::size_t column, std::string_view wanted) const
    {
        std::size_t length = 0;
        const char *type = kusto_rows_column_type(of(), column, &length);
        const std::string name = "column " + std::to_string(column);
        if (type == nullptr)
            return error::of_argument("column", "there is no " + name);
        if (std::string_view(type, length) != wanted)
            return error::of_argument("column", name + " is " + type + ", not " + std::string(wanted));
        T value{};
        const auto found = text(column);
        if (!found)
            return nothing<T>(column);
        if (!parse(*found, value))
            return error::of_argument("column", name + " holds no " + type + ": " + std::string(*found));
        return std::optional<T>(value);
    }
    /// Null, unless there is no row: the C interface says which, whatever the column's type is.
    template <class T> result<std::optional<T>> nothing(std::size_t column) const
    {
        const auto got = try_int64(column);
        if (got.code() == errc::invalid_state)
            return got.error();
        return std::optional<T>();
    }
};

} // namespace detail

/// The answer to a command or query, with a cursor that starts before the first row of its first table. `next` moves
/// it, and so does a loop: `for (const auto &row : rows)`. One thread at a time, for its const members too.
class rows : public detail::object<kusto_rows>, public detail::cells<rows> {
public:
    /// Takes rows of the C interface.
    explicit rows(kusto_rows *taken) noexcept : object(taken) {}

    /// The row on which the cursor stands; borrowed until the cursor moves.
    class row : public detail::cells<row> {
    public:
        /// How many values it has.
        std::size_t size() const noexcept { return kusto_rows_columns(owner_); }
        /// The rows, for calls of the C interface.
        const kusto_rows *c_ptr() const noexcept { return owner_; }

    private:
        friend class rows;
        kusto_rows *owner_ = nullptr;
    };

    /// Moves the cursor of its rows over the rows that are left, once.
    class iterator {
    public:
        /// It reads, once.
        using iterator_category = std::input_iterator_tag;
        /// What it stands on.
        using value_type = row;
        /// The same, borrowed until it moves.
        using reference = const row &;
        /// The same, borrowed until it moves.
        using pointer = const row *;
        /// Required of every iterator; no two can be subtracted.
        using difference_type = std::ptrdiff_t;

        /// At the end.
        iterator() noexcept = default;
        /// The row.
        reference operator*() const noexcept { return row_; }
        /// A member of the row.
        pointer operator->() const noexcept { return &row_; }
        /// To the next row.
        iterator &operator++() noexcept
        {
            if (kusto_rows_next(row_.owner_) == 0)
                row_.owner_ = nullptr;
            return *this;
        }
        /// To the next row.
        void operator++(int) noexcept { ++*this; }
        /// Whether both are at the end, or both are not.
        friend bool operator==(const iterator &a, const iterator &b) noexcept { return a.row_.c_ptr() == b.row_.c_ptr(); }
        /// Whether only one is at the end.
        friend bool operator!=(const iterator &a, const iterator &b) noexcept { return !(a == b); }

    private:
        friend class rows;
        row row_;
    };

    /// Moves to the next row; the end where none is left.
    iterator begin() noexcept
    {
        iterator first;
        first.row_.owner_ = c_ptr();
        return ++first;
    }
    /// The end of the current table.
    iterator end() const noexcept { return iterator(); }

    /// How many columns the current table has.
    std::size_t columns() const noexcept { return kusto_rows_columns(c_ptr()); }
    /// The name of a column, counted from 0; borrowed until `next_table`.
    std::string_view column_name(std::size_t column) const noexcept
    {
        std::size_t length = 0;
        const char *begin = kusto_rows_column_name(c_ptr(), column, &length);
        return detail::text(begin, length);
    }
    /// The type of a column, such as "long", counted from 0; borrowed until `next_table`.
    std::string_view column_type(std::size_t column) const noexcept
    {
        std::size_t length = 0;
        const char *begin = kusto_rows_column_type(c_ptr(), column, &length);
        return detail::text(begin, length);
    }
    /// The first column of this name, which distinguishes upper and lower case; nothing if there is none.
    std::optional<std::size_t> find_column(text_view name) const noexcept
    {
        for (std::size_t column = 0; column < columns(); column++)
            if (column_name(column) == std::string_view(name.data(), name.size()))
                return column;
        return std::nullopt;
    }
    /// How many rows the current table has.
    std::size_t size() const noexcept { return kusto_rows_len(c_ptr()); }
    /// Whether the current table has no row.
    bool empty() const noexcept { return size() == 0; }
    /// About how many bytes of memory the whole answer holds until it is freed.
    std::size_t size_in_memory() const noexcept { return kusto_rows_size(c_ptr()); }
    /// Moves to the next row of the current table; false when there is none left.
    bool next() noexcept { return kusto_rows_next(c_ptr()) != 0; }
    /// Moves before the first row of the next table; false when there is none left.
    bool next_table() noexcept { return kusto_rows_next_table(c_ptr()) != 0; }
    /// The whole answer as JSON, also tables that the cursor does not show.
    std::string_view json() const noexcept
    {
        std::size_t length = 0;
        const char *begin = kusto_rows_json(c_ptr(), &length);
        return detail::text(begin, length);
    }
};

namespace detail {

inline result<rows> given_by(const kusto_op *op, const rows *) { return make<rows>(kusto_op_rows, op); }
inline result<report> given_by(const kusto_op *op, const report *) { return make<report>(kusto_op_report, op); }

} // namespace detail

// ---- the client ----------------------------------------------------------------------------------------------

/// A client of one cluster: connections, tokens, ingestion resources. Create one and keep it. All calls may
/// be made by several threads at once; blocking calls not in a callback, where they fail with
/// `invalid_state`. Destroying it cancels operations under way and never waits for the network; destroying
/// the last client, stream or operation waits for callbacks that are running or due, so hold no lock that
/// they take.
class client : public detail::object<kusto_client> {
public:
    /// A client of the cluster that the config names, which is copied. Sends nothing before its first use.
    /// Throws `error`: `config`, `unsupported` (a login that is not built in), `forked`, `invalid_state` for
    /// a library that does not fit the header.
    explicit client(const config &settings) : client(try_make(settings).value()) {}
    /// Takes a client of the C interface.
    explicit client(kusto_client *taken) noexcept : object(taken) {}
    /// As the constructor, without exceptions.
    static result<client> try_make(const config &settings)
    {
        if (kusto_abi_version() != KUSTO_ABI_VERSION)
            return error(errc::invalid_state, "the kusto_ingest library does not fit the header");
        return detail::make<client>(kusto_client_new, static_cast<const kusto_config *>(settings.c_ptr()));
    }

    /// Fetches the token and the ingestion resources now, for programs that want to fail early. Errors:
    /// `network`, `auth`, `service`, `timed_out`.
    result<void> try_warm_up(time_limit limit = {}) const
    {
        return detail::call(kusto_client_warm_up, handle(), limit.milliseconds());
    }
    /// As `try_warm_up`; throws `error`.
    void warm_up(time_limit limit = {}) const { try_warm_up(limit).value(); }

    /// Starts `warm_up` and returns; may be called in a callback. `done` and errors as `try_start_ingest`.
    template <class F = detail::no_callback>
    result<operation<void>> try_start_warm_up(time_limit limit = {}, F &&done = F()) const
    {
        return operation<void>::begin(std::forward<F>(done), nullptr, kusto_client_warm_up_start, handle(), limit.milliseconds());
    }
    /// As `try_start_warm_up`; throws `error`.
    template <class F = detail::no_callback>
    operation<void> start_warm_up(time_limit limit = {}, F &&done = F()) const
    {
        return try_start_warm_up(limit, std::forward<F>(done)).value();
    }

    /// As `warm_up`, and checks what the properties name: that database, table and mapping exist, and that this login
    /// may ingest, as far as it may ask. Errors: `not_found`, which says what was probably meant; `auth`; those of
    /// `warm_up`.
    result<void> try_warm_up(const props &into, time_limit limit = {}) const
    {
        return detail::call(kusto_client_warm_up_table, handle(), handle(into), limit.milliseconds());
    }
    /// As `try_warm_up`; throws `error`.
    void warm_up(const props &into, time_limit limit = {}) const { try_warm_up(into, limit).value(); }
    /// Starts it and returns; may be called in a callback. Copies the properties. `done` and errors as
    /// `try_start_ingest`.
    template <class F = detail::no_callback>
    result<operation<void>> try_start_warm_up(const props &into, time_limit limit = {}, F &&done = F()) const
    {
        return operation<void>::begin(std::forward<F>(done), nullptr, kusto_client_warm_up_table_start, handle(),
                                      handle(into), limit.milliseconds());
    }
    /// As `try_start_warm_up`; throws `error`.
    template <class F = detail::no_callback>
    operation<void> start_warm_up(const props &into, time_limit limit = {}, F &&done = F()) const
    {
        return try_start_warm_up(into, limit, std::forward<F>(done)).value();
    }

    /// Rejects new calls, waits for ingestions under way until the limit, then cancels the remaining ones and
    /// returns their number. Errors: `invalid_state` in a callback, `forked`.
    result<std::uint64_t> try_close(time_limit limit = {}) const
    {
        std::uint64_t abandoned = 0;
        const auto closed = detail::call(kusto_client_close, handle(), limit.milliseconds(), &abandoned);
        return closed ? result<std::uint64_t>(abandoned) : result<std::uint64_t>(closed.error());
    }
    /// As `try_close`; throws `error`.
    std::uint64_t close(time_limit limit = {}) const { return try_close(limit).value(); }

    /// Hands a source over to the service and waits until the data is uploaded and queued; the service
    /// ingests it later. Takes the source, copies the properties. A reader is called on this thread. The
    /// limit covers the whole call; a callback that blocks is not interrupted. Delivery is at least once, see
    /// `kusto_ingest`. Errors: nothing is ingested, unless `error::in_doubt` says so or the code is
    /// `partial`; `source_io` with the exception of a reader as its cause.
    result<receipt> try_ingest(const props &into, source from, time_limit limit = {}) const
    {
        const auto kept = from.kept();
        return detail::judged(detail::make<receipt>(kusto_ingest, handle(), handle(into), from.release(),
                                                    limit.milliseconds()),
                              kept);
    }
    /// As `try_ingest`; throws `error`.
    receipt ingest(const props &into, source from, time_limit limit = {}) const
    {
        return try_ingest(into, std::move(from), limit).value();
    }
    /// The same for data in memory, borrowed until the call returns. Empty data is `invalid_argument`.
    result<receipt> try_ingest(const props &into, bytes_view data, time_limit limit = {}) const
    {
        if (const auto wrong = detail::null_argument("data", data.is_null()))
            return *wrong;
        return detail::make<receipt>(kusto_ingest_bytes, handle(), handle(into), data.data(), data.size(),
                                     limit.milliseconds());
    }
    /// As `try_ingest`; throws `error`.
    receipt ingest(const props &into, bytes_view data, time_limit limit = {}) const
    {
        return try_ingest(into, data, limit).value();
    }

    /// The same for a file.
    template <class Path, class = detail::if_path<Path>>
    result<receipt> try_ingest(const props &into, const Path &file, time_limit limit = {}) const
    {
        auto from = source::try_file(file);
        return from ? try_ingest(into, std::move(*from), limit) : result<receipt>(from.error());
    }
    /// As `try_ingest`; throws `error`.
    template <class Path, class = detail::if_path<Path>>
    receipt ingest(const props &into, const Path &file, time_limit limit = {}) const
    {
        return try_ingest(into, file, limit).value();
    }

    /// Starts `ingest` and returns; may be called in a callback. Takes the source, copies the properties. A
    /// reader is called on a thread of the library. `done`, if given, is a callable `done(result<receipt>)`
    /// that receives the operation's result: once, on a thread of the library, one callback at a time; not
    /// when this call fails. Blocking calls fail there; any object may be destroyed there. Its exception is
    /// kept for `operation::callback_error`. Errors: `invalid_argument`, `forked`; any other failure is the
    /// operation's result.
    template <class F = detail::no_callback>
    result<operation<receipt>> try_start_ingest(const props &into, source from, time_limit limit = {}, F &&done = F()) const
    {
        const auto kept = from.kept();
        return operation<receipt>::begin(std::forward<F>(done), kept, kusto_ingest_start, handle(), handle(into),
                                         from.release(), limit.milliseconds());
    }
    /// As `try_start_ingest`; throws `error`.
    template <class F = detail::no_callback>
    operation<receipt> start_ingest(const props &into, source from, time_limit limit = {}, F &&done = F()) const
    {
        return try_start_ingest(into, std::move(from), limit, std::forward<F>(done)).value();
    }

    /// Begins an ingestion whose data is pushed with `push_stream::write`; may be called in a callback.
    /// Written data is uploaded meanwhile; nothing is ingested before `push_stream::finish`. Errors:
    /// `invalid_argument`, `forked`.
    result<push_stream> try_stream(const props &into) const
    {
        return detail::make<push_stream>(kusto_stream_begin, handle(), handle(into),
                                         static_cast<kusto_source *>(nullptr));
    }
    /// As `try_stream`; throws `error`.
    push_stream stream(const props &into) const { return try_stream(into).value(); }
    /// The same with the settings of a `source::stream`.
    result<push_stream> try_stream(const props &into, source settings) const
    {
        auto kept = settings.kept();
        auto made = detail::make<push_stream>(kusto_stream_begin, handle(), handle(into), settings.release());
        return made ? result<push_stream>(push_stream(std::move(*made), std::move(kept))) : std::move(made);
    }
    /// As `try_stream`; throws `error`.
    push_stream stream(const props &into, source settings) const
    {
        return try_stream(into, std::move(settings)).value();
    }

    /// The status of an ingestion, read from the status table now, by `receipt::tracking_token`, also of
    /// another process. Without a status table it stays `item_state::queued`. Errors: `invalid_argument` for
    /// an invalid token, `not_found` when the table has no entry, those of a call over the network.
    result<report> try_track(text_view token, time_limit limit = {}) const
    {
        return detail::make<report>(kusto_track, handle(), token.data(), token.size(), limit.milliseconds());
    }
    /// As `try_track`; throws `error`.
    report track(text_view token, time_limit limit = {}) const { return try_track(token, limit).value(); }

    /// Starts `track` and returns; may be called in a callback. `done` and errors as `try_start_ingest`.
    template <class F = detail::no_callback>
    result<operation<report>> try_start_track(text_view token, time_limit limit = {}, F &&done = F()) const
    {
        return operation<report>::begin(std::forward<F>(done), nullptr, kusto_track_start, handle(),
                                        token.data(), token.size(), limit.milliseconds());
    }
    /// As `try_start_track`; throws `error`.
    template <class F = detail::no_callback>
    operation<report> start_track(text_view token, time_limit limit = {}, F &&done = F()) const
    {
        return try_start_track(token, limit, std::forward<F>(done)).value();
    }

    /// As `try_track`, repeated every `poll` until no item is pending. Errors: as `try_track`; `timed_out`
    /// when an item is still pending at the end of the limit; `invalid_state` without a status table.
    result<report> try_track_until_final(text_view token, std::chrono::milliseconds poll,
                                         time_limit limit = {}) const
    {
        return detail::make<report>(kusto_track_until_final, handle(), token.data(), token.size(),
                                    static_cast<std::int64_t>(poll.count()), limit.milliseconds());
    }
    /// As `try_track_until_final`; throws `error`.
    report track_until_final(text_view token, std::chrono::milliseconds poll, time_limit limit = {}) const
    {
        return try_track_until_final(token, poll, limit).value();
    }

    /// Starts `track_until_final` and returns; may be called in a callback. `done` and errors as
    /// `try_start_ingest`.
    template <class F = detail::no_callback>
    result<operation<report>> try_start_track_until_final(text_view token, std::chrono::milliseconds poll, time_limit limit = {}, F &&done = F()) const
    {
        return operation<report>::begin(std::forward<F>(done), nullptr, kusto_track_until_final_start, handle(),
                                        token.data(), token.size(), static_cast<std::int64_t>(poll.count()),
                                        limit.milliseconds());
    }
    /// As `try_start_track_until_final`; throws `error`.
    template <class F = detail::no_callback>
    operation<report> start_track_until_final(text_view token, std::chrono::milliseconds poll, time_limit limit = {}, F &&done = F()) const
    {
        return try_start_track_until_final(token, poll, limit, std::forward<F>(done)).value();
    }

    /// Reads notifications without removing them, at most `most`: those of the token's ingestion, or with
    /// std::nullopt all, also those of other programs. Errors: those of a call over the network.
    result<report> try_peek_outcomes(outcome which, std::optional<text_view> token, std::size_t most,
                                     time_limit limit = {}) const
    {
        return outcomes(kusto_outcomes_peek, which, token, most, limit);
    }
    /// As `try_peek_outcomes`; throws `error`.
    report peek_outcomes(outcome which, std::optional<text_view> token, std::size_t most,
                         time_limit limit = {}) const
    {
        return try_peek_outcomes(which, token, most, limit).value();
    }
    /// Starts `peek_outcomes` and returns; may be called in a callback. `done` and errors as
    /// `try_start_ingest`.
    template <class F = detail::no_callback>
    result<operation<report>> try_start_peek_outcomes(outcome which, std::optional<text_view> token, std::size_t most, time_limit limit = {}, F &&done = F()) const
    {
        if (const auto wrong = detail::null_argument("token", token && token->is_null()))
            return *wrong;
        return operation<report>::begin(std::forward<F>(done), nullptr, kusto_outcomes_peek_start, handle(),
                                        static_cast<std::int32_t>(which), token ? token->data() : nullptr,
                                        token ? token->size() : 0, most, limit.milliseconds());
    }
    /// As `try_start_peek_outcomes`; throws `error`.
    template <class F = detail::no_callback>
    operation<report> start_peek_outcomes(outcome which, std::optional<text_view> token, std::size_t most, time_limit limit = {}, F &&done = F()) const
    {
        return try_start_peek_outcomes(which, token, most, limit, std::forward<F>(done)).value();
    }

    /// Removes notifications from their queues, at most `most`: those of the token's ingestion, or with
    /// std::nullopt all, also those that other programs wait for. Errors: those of a call over the network.
    result<report> try_take_outcomes(outcome which, std::optional<text_view> token, std::size_t most,
                                     time_limit limit = {}) const
    {
        return outcomes(kusto_outcomes_take, which, token, most, limit);
    }
    /// As `try_take_outcomes`; throws `error`.
    report take_outcomes(outcome which, std::optional<text_view> token, std::size_t most,
                         time_limit limit = {}) const
    {
        return try_take_outcomes(which, token, most, limit).value();
    }

    /// Starts `take_outcomes` and returns; may be called in a callback. `done` and errors as
    /// `try_start_ingest`.
    template <class F = detail::no_callback>
    result<operation<report>> try_start_take_outcomes(outcome which, std::optional<text_view> token, std::size_t most, time_limit limit = {}, F &&done = F()) const
    {
        if (const auto wrong = detail::null_argument("token", token && token->is_null()))
            return *wrong;
        return operation<report>::begin(std::forward<F>(done), nullptr, kusto_outcomes_take_start, handle(),
                                        static_cast<std::int32_t>(which), token ? token->data() : nullptr,
                                        token ? token->size() : 0, most, limit.milliseconds());
    }
    /// As `try_start_take_outcomes`; throws `error`.
    template <class F = detail::no_callback>
    operation<report> start_take_outcomes(outcome which, std::optional<text_view> token, std::size_t most, time_limit limit = {}, F &&done = F()) const
    {
        return try_start_take_outcomes(which, token, most, limit, std::forward<F>(done)).value();
    }

    /// Runs a management command (a text that begins with a dot) or a query and waits for all of its rows. An
    /// empty database means the connection string's; `options` may be null. A command is sent once and never
    /// repeated. Errors: `service` with the service's code, those of a call over the network.
    result<rows> try_execute(text_view database, text_view text, time_limit limit = {},
                             const request_options *options = nullptr) const
    {
        if (const auto wrong = detail::null_argument("database", database.is_null()))
            return *wrong;
        return detail::make<rows>(kusto_execute, handle(), database.size() == 0 ? nullptr : database.data(),
                                  database.size(), text.data(), text.size(),
                                  options ? static_cast<const kusto_request_options *>(options->c_ptr()) : nullptr,
                                  limit.milliseconds());
    }
    /// As `try_execute`; throws `error`.
    rows execute(text_view database, text_view text, time_limit limit = {},
                 const request_options *options = nullptr) const
    {
        return try_execute(database, text, limit, options).value();
    }
    /// The same with options that may be a temporary.
    result<rows> try_execute(text_view database, text_view text, time_limit limit,
                             const request_options &options) const
    {
        return try_execute(database, text, limit, &options);
    }
    /// As `try_execute`; throws `error`.
    rows execute(text_view database, text_view text, time_limit limit, const request_options &options) const
    {
        return try_execute(database, text, limit, &options).value();
    }

    /// Starts `execute` and returns; may be called in a callback. Cancelling abandons the request; the service
    /// may still carry out a command. `done` and errors as `try_start_ingest`.
    template <class F = detail::no_callback>
    result<operation<rows>> try_start_execute(text_view database, text_view text, time_limit limit = {}, const request_options *options = nullptr, F &&done = F()) const
    {
        if (const auto wrong = detail::null_argument("database", database.is_null()))
            return *wrong;
        return operation<rows>::begin(std::forward<F>(done), nullptr, kusto_execute_start, handle(),
                                      database.size() == 0 ? nullptr : database.data(), database.size(),
                                      text.data(), text.size(),
                                      options ? static_cast<const kusto_request_options *>(options->c_ptr()) : nullptr,
                                      limit.milliseconds());
    }
    /// As `try_start_execute`; throws `error`.
    template <class F = detail::no_callback>
    operation<rows> start_execute(text_view database, text_view text, time_limit limit = {}, const request_options *options = nullptr, F &&done = F()) const
    {
        return try_start_execute(database, text, limit, options, std::forward<F>(done)).value();
    }

private:
    const kusto_client *handle() const noexcept { return c_ptr(); }
    static const kusto_props *handle(const props &into) noexcept { return into.c_ptr(); }

    template <class F>
    result<report> outcomes(F function, outcome which, std::optional<text_view> token, std::size_t most,
                            time_limit limit) const
    {
        if (const auto wrong = detail::null_argument("token", token && token->is_null()))
            return *wrong;
        return detail::make<report>(function, handle(), static_cast<std::int32_t>(which),
                                    token ? token->data() : nullptr, token ? token->size() : 0, most,
                                    limit.milliseconds());
    }
};

} // namespace kusto

#endif // KUSTO_INGEST_HPP
