// The player in C++ of tests/conformance: carries out its input through kusto_ingest.hpp and reports the
// results.
#include "operations.hpp"

#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>

namespace {

std::map<std::string, kusto::client, std::less<>> clients;
std::map<std::string, transfer, std::less<>> transfers;

/// A call that the player has begun, and the function that answers with its result.
struct call {
    std::function<void()> cancel;
    std::function<void(answer &)> wait;
};
std::map<std::string, call, std::less<>> calls;

const kusto::client &client_of(const message &said)
{
    const auto found = clients.find(said.get("client"));
    if (found == clients.end())
        throw not_understood(said.verb + ": no such client");
    return found->second;
}

/// The call of that name; null if it is the name of an ingestion.
const call *call_of(const message &said)
{
    const auto found = calls.find(said.get("op"));
    return found == calls.end() ? nullptr : &found->second;
}

/// Keeps a call under its name; `tell` reports its result.
template <class T, class F> void keep(const message &said, kusto::operation<T> begun, F tell)
{
    const auto under_way = std::make_shared<kusto::operation<T>>(std::move(begun));
    calls.insert_or_assign(std::string(said.get("as")), call{[under_way] { under_way->cancel(); },
                                                             [under_way, tell](answer &told) { tell(*under_way, told); }});
}

transfer &transfer_of(const message &said)
{
    const auto found = transfers.find(said.get("op"));
    if (found == transfers.end())
        throw not_understood(said.verb + ": no such operation");
    return found->second;
}

// ---- verbs --------------------------------------------------------------------------------------------------

/// An application whose assertion is the text of the message's file.
kusto::credential federated(const message &said)
{
    const std::string file(said.get("file"));
    const auto assertion = kusto::credential::callback([file](const kusto::token_request &) {
        std::ifstream text(file);
        return kusto::access_token{std::string(std::istreambuf_iterator<char>(text), {}), {}};
    });
    return kusto::credential::federated({}, said.get("application"), assertion);
}

kusto::credential environment_or_machine()
{
    auto chain = kusto::credential::chain();
    chain.add(kusto::credential::environment());
    chain.add(kusto::credential::managed_identity());
    return chain;
}

void log_in(kusto::config &settings, const message &said)
{
    const auto login = said.find("login").value_or("none");
    using std::chrono::system_clock;
    if (login == "token")
        settings.set_credential(kusto::credential::token("a-token"));
    else if (login == "callback")
        settings.set_credential(kusto::credential::callback([](const kusto::token_request &) {
            return kusto::access_token{"a-token", system_clock::now() + std::chrono::hours(1)};
        }));
    else if (login == "failing")
        settings.set_credential(kusto::credential::callback(
            [](const kusto::token_request &) -> kusto::access_token { throw std::runtime_error("the login fails"); }));
    else if (login == "federated")
        settings.set_credential(federated(said));
    else if (login == "on_behalf_of")
        settings.set_credential(kusto::credential::on_behalf_of(federated(said), "no-token"));
    else if (login == "chain")
        settings.set_credential(environment_or_machine());
    else if (login == "interactive")
        settings.set_credential(kusto::credential::interactive());
    else if (login == "device") // The driver plays the user, who needs no prompt.
        settings.set_credential(kusto::credential::device_code({}, [](const kusto::prompt &) {}));
    else if (login != "none")
        throw not_understood("unknown login: " + std::string(login));
}

void make_client(const message &said, answer &)
{
    kusto::config settings(said.get("connection"));
    for (const auto &[key, value] : said.pairs)
        if (key == "setting")
            settings.set(assignment(value).first, assignment(value).second);
    log_in(settings, said);
    clients.insert_or_assign(std::string(said.get("client")), kusto::client(settings));
}

void start(const message &said, answer &)
{
    const std::string name(said.get("op"));
    transfers.erase(name);
    calls.erase(name);
    transfers.try_emplace(name, client_of(said), said);
}

void wait(const message &said, answer &told)
{
    if (const auto *begun = call_of(said)) {
        begun->wait(told);
        return;
    }
    auto &waited = transfer_of(said);
    const auto receipt = waited.wait();
    told.say("source_id", receipt.source_id());
    told.say("items", receipt.size());
    for (std::size_t i = 0; i < receipt.size(); i++)
        told.say("item", receipt.item_source_id(i));
    told.say("format", receipt.item_format(0));
    told.say("format_assumed", receipt.item_format_assumed(0) ? 1 : 0);
    told.say("bytes_raw", receipt.bytes_raw());
    told.say("bytes_sent", receipt.bytes_sent());
    told.say("route", word_of(catalog::routes, receipt.route()));
    told.say("attempts", receipt.attempts());
    if (const auto cause = receipt.fallback_cause())
        told.say("fallback", cause->service_code());
    const auto policy = receipt.update_policy();
    told.say("policy_failed", policy && policy->failed ? 1 : 0);
    told.say("duplicated", receipt.possibly_duplicated() ? 1 : 0);
    if (const auto progress = waited.progress()) {
        told.say("progress_read", progress->read);
        told.say("progress_sent", progress->sent);
        told.say("progress_total", progress->total);
    }
}

void cancel(const message &said, answer &)
{
    if (const auto *begun = call_of(said))
        begun->cancel();
    else
        transfer_of(said).cancel();
}

void say_items(const kusto::report &report, answer &told)
{
    const auto or_dash = [](std::string_view text) { return text.empty() ? "-" : std::string(text); };
    for (std::size_t i = 0; i < report.size(); i++) {
        const auto item = report[i];
        const auto state = word_of(catalog::item_states, item.state());
        told.say("item", state + (' ' + or_dash(item.source_id())) + ' ' + or_dash(item.error_code()));
    }
}

void tell_report(const kusto::operation<kusto::report> &ended, answer &told) { say_items(ended.get(), told); }

void track(const message &said, answer &told)
{
    const auto &token = transfer_of(said).tracking_token();
    const auto &client = client_of(said);
    const auto limit = limit_of(said);
    const bool final = said.number("final").value_or(1) != 0;
    const std::chrono::milliseconds poll(50);
    if (said.find("as"))
        keep(said, final ? client.start_track_until_final(token, poll, limit) : client.start_track(token, limit),
             tell_report);
    else
        say_items(final ? client.track_until_final(token, poll, limit) : client.track(token, limit), told);
}

void outcomes(const message &said, answer &told)
{
    static const words<bool> ways = {{"peek", false}, {"take", true}};
    const auto &token = transfer_of(said).tracking_token();
    const auto which = meaning(catalog::outcomes, said.get("which"));
    const auto most = static_cast<std::size_t>(said.number("max").value_or(32));
    const auto &client = client_of(said);
    const bool take = meaning(ways, said.get("how"));
    if (said.find("as")) {
        keep(said, take ? client.start_take_outcomes(which, token, most, limit_of(said))
                        : client.start_peek_outcomes(which, token, most, limit_of(said)),
             tell_report);
        return;
    }
    say_items(take ? client.take_outcomes(which, token, most, limit_of(said))
                   : client.peek_outcomes(which, token, most, limit_of(said)),
              told);
}

std::string json(std::optional<std::string_view> text)
{
    if (!text)
        return "null";
    std::string quoted = "\"";
    for (const char byte : *text) {
        if (static_cast<unsigned char>(byte) < ' ') {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned char>(byte));
            quoted += escaped;
        } else {
            if (byte == '"' || byte == '\\')
                quoted += '\\';
            quoted += byte;
        }
    }
    return quoted + '"';
}

kusto::request_options options_of(const message &said)
{
    kusto::request_options options;
    for (const auto &[key, value] : said.pairs) {
        if (key == "parameter")
            options.set_parameter(assignment(value).first, assignment(value).second);
        else if (key == "option")
            options.set(assignment(value).first, assignment(value).second);
    }
    return options;
}

void tell_rows(const kusto::operation<kusto::rows> &ended, answer &told)
{
    auto rows = ended.get();
    for (std::size_t i = 0; i < rows.columns(); i++)
        told.say("column", std::string(rows.column_name(i)) + ' ' + std::string(rows.column_type(i)));
    while (rows.next()) {
        std::string row;
        for (std::size_t i = 0; i < rows.columns(); i++)
            row += (i == 0 ? "" : ",") + json(rows.text(i));
        told.say("row", '[' + row + ']');
    }
}

void execute(const message &said, answer &told)
{
    const auto options = options_of(said);
    auto under_way = client_of(said).start_execute(said.get("database"), said.get("text"), limit_of(said), &options);
    if (said.flag("cancelled"))
        under_way.cancel();
    if (said.find("as"))
        keep(said, std::move(under_way), tell_rows);
    else
        tell_rows(under_way, told);
}

void warm_up(const message &said, answer &)
{
    if (said.find("as"))
        keep(said, client_of(said).start_warm_up(limit_of(said)),
             [](const kusto::operation<void> &ended, answer &) { ended.get(); });
    else
        client_of(said).warm_up(limit_of(said));
}

/// On a thread of its own if it has to have a name: a client closes while the caller waits.
void close(const message &said, answer &)
{
    const auto &client = client_of(said);
    const auto limit = limit_of(said, 0);
    if (!said.find("as")) {
        client.close(limit);
        return;
    }
    const auto closed = std::async(std::launch::async, [&client, limit] { client.close(limit); }).share();
    calls.insert_or_assign(std::string(said.get("as")),
                           call{[] { throw not_understood("closing cannot be cancelled"); },
                                [closed](answer &) { closed.get(); }});
}

void free_everything()
{
    transfers.clear();
    for (const auto &[name, client] : clients)
        client.close(std::chrono::milliseconds(0));
    // All have ended now, and a thread that closes a client needs it until then.
    calls.clear();
    clients.clear();
}

void reset(const message &, answer &) { free_everything(); }

// ---- the protocol -------------------------------------------------------------------------------------------

struct verb {
    std::string_view name;
    void (*play)(const message &said, answer &told);
    std::vector<std::string_view> keys;
};

const verb &verb_of(const message &said)
{
    static const std::vector<verb> verbs = {
        {"client", make_client, {"client", "connection", "login", "application", "file", "setting"}},
        {"start", start, {"client", "op", "database", "table", "source", "path", "blob", "blob_raw_size", "blob_id",
                          "piece", "fail_after", "format", "mapping_ref", "mapping", "tag", "mode", "report_level",
                          "report_method", "property", "named", "source_id", "compression", "raw_size", "timeout", "cancelled",
                          "progress"}},
        {"wait", wait, {"op"}},
        {"cancel", cancel, {"op"}},
        {"track", track, {"client", "op", "final", "timeout", "as"}},
        {"outcomes", outcomes, {"client", "op", "how", "which", "max", "timeout", "as"}},
        {"execute", execute, {"client", "database", "text", "parameter", "option", "timeout", "cancelled", "as"}},
        {"warm_up", warm_up, {"client", "timeout", "as"}},
        {"close", close, {"client", "timeout", "as"}},
        {"reset", reset, {}},
    };
    for (const auto &known : verbs)
        if (known.name == said.verb)
            return known;
    throw not_understood("unknown verb: " + said.verb);
}

/// How many source ids `"handedOver":[".."]` of the error's JSON lists: only the JSON contains them.
std::uint64_t handed_over(const kusto::error &failed)
{
    const auto json = failed.json();
    const auto begin = json.find("\"handedOver\":[");
    if (begin == std::string_view::npos)
        return 0;
    const auto list = json.substr(json.find('[', begin));
    const auto ids = list.substr(0, list.find(']'));
    return static_cast<std::uint64_t>(std::count(ids.begin(), ids.end(), '"')) / 2;
}

answer failure(const kusto::error &failed)
{
    static const char *const retries[] = {"unknown", "never", "later"};
    answer told("error");
    told.say("code", kusto::name_of(failed.code()));
    told.say("message", failed.what());
    told.say("step", failed.step());
    told.say("host", failed.host());
    told.say("argument", failed.argument());
    told.say("http_status", static_cast<std::uint64_t>(failed.http_status()));
    told.say("service_code", failed.service_code());
    told.say("retry", retries[static_cast<std::int32_t>(failed.retry())]);
    told.say("in_doubt", failed.in_doubt() ? 1 : 0);
    told.say("attempts", failed.attempts().size());
    told.say("handed_over", handed_over(failed));
    return told;
}

answer played(const message &said)
{
    const auto &verb = verb_of(said);
    for (const auto &[key, value] : said.pairs)
        if (std::find(verb.keys.begin(), verb.keys.end(), key) == verb.keys.end())
            throw not_understood(said.verb + ": unknown key: " + key);
    try {
        answer told("ok");
        verb.play(said, told);
        return told;
    } catch (const kusto::error &failed) {
        return failure(failed);
    }
}

} // namespace

int main()
try {
    while (const auto said = next_message())
        played(*said).send();
    free_everything();
    return 0;
} catch (const std::exception &wrong) {
    std::cerr << wrong.what() << '\n';
    return 2;
}
