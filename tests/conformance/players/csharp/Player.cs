using System;
using System.Collections.Generic;
using System.Data;
using System.Globalization;
using System.Linq;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using Kusto.Ingest.Native;

/// <summary>Holds the objects that the driver names.</summary>
internal sealed class Player
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(50);

    private static readonly Dictionary<Status, string> States = Catalog.ItemStates.ToDictionary(pair => pair.Value, pair => pair.Key);

    private readonly Dictionary<string, Client> clients = [];
    private readonly Dictionary<string, Ingestion> ingestions = [];
    private readonly Dictionary<string, Call> calls = [];

    internal static T Meaning<T>(Dictionary<string, T> words, string word) =>
        words.TryGetValue(word, out T? meaning) ? meaning : throw new MisunderstoodException($"unknown word: {word}");

    internal Task Play(Message message, Answer answer)
    {
        switch (message.Verb)
        {
            case "client":
                message.Only("client connection login application file setting");
                return MakeClient(message);
            case "start":
                message.Only(
                    "client op database table source path blob blob_raw_size blob_id piece fail_after format mapping_ref mapping tag " +
                    "mode report_level report_method property source_id compression raw_size timeout cancelled progress");
                return Start(message);
            case "wait":
                message.Only("op");
                return Wait(message, answer);
            case "cancel":
                message.Only("op");
                Cancel(message.Get("op"));
                return Task.CompletedTask;
            case "track":
                message.Only("client op final timeout as");
                return Do(message, answer, Track);
            case "outcomes":
                message.Only("client op how which max timeout as");
                return Do(message, answer, Outcomes);
            case "execute":
                message.Only("client database text parameter option timeout cancelled as");
                return Do(message, answer, Execute);
            case "warm_up":
                message.Only("client timeout as");
                return Do(message, answer, (message, _, token) => ClientOf(message).Limited(message.Timeout).WarmUpAsync(token));
            case "close":
                message.Only("client timeout as");
                return Do(message, answer, (message, _, _) => ClientOf(message).Close(message.Timeout));
            case "reset":
                message.Only("");
                return Reset();
            default:
                throw new MisunderstoodException($"unknown verb: {message.Verb}");
        }
    }

    /// <summary>Makes the call, or begins it in the background if it has a name.</summary>
    private async Task Do(Message message, Answer answer, Verb verb)
    {
        if (message.Find("as") is not { } name)
        {
            await verb(message, answer, new CancellationToken(message.Flag("cancelled")));
            return;
        }
        if (calls.Remove(name, out Call? before))
        {
            await before.Forget();
        }
        calls.Add(name, new(verb, message));
    }

    /// <summary>Ends everything and frees all clients.</summary>
    internal async Task Reset()
    {
        foreach (Ingestion ingestion in ingestions.Values)
        {
            await ingestion.Forget();
        }
        ingestions.Clear();
        foreach (Call call in calls.Values)
        {
            await call.Forget();
        }
        calls.Clear();
        foreach (Client client in clients.Values)
        {
            await client.DisposeAsync();
        }
        clients.Clear();
    }

    private Client ClientOf(Message message) => Meaning(clients, message.Get("client"));

    private Ingestion IngestionOf(Message message) => Meaning(ingestions, message.Get("op"));

    private async Task MakeClient(Message message)
    {
        Client client = new(message);
        if (clients.Remove(message.Get("client"), out Client? before))
        {
            await before.DisposeAsync();
        }
        clients.Add(message.Get("client"), client);
    }

    private async Task Start(Message message)
    {
        if (ingestions.Remove(message.Get("op"), out Ingestion? before))
        {
            await before.Forget();
        }
        calls.Remove(message.Get("op"));
        ingestions.Add(message.Get("op"), new(ClientOf(message).Ingest, message));
    }

    private void Cancel(string name)
    {
        if (calls.TryGetValue(name, out Call? call))
        {
            call.Cancel();
        }
        else
        {
            Meaning(ingestions, name).Cancel();
        }
    }

    private async Task Wait(Message message, Answer answer)
    {
        if (calls.TryGetValue(message.Get("op"), out Call? call))
        {
            answer.Add(await call.Answered);
            return;
        }
        Ingestion ingestion = IngestionOf(message);
        IKustoIngestionResult result = await ingestion.Result;
        answer.Say("source_id", result.SourceId);
        answer.Say("items", result.Items.Count);
        foreach (IngestionItem item in result.Items)
        {
            answer.Say("item", item.SourceId);
        }
        answer.Say("format", result.Items[0].Format);
        answer.Say("format_assumed", result.Items[0].IsFormatAssumed ? 1 : 0);
        answer.Say("bytes_raw", result.BytesRaw);
        answer.Say("bytes_sent", result.BytesSent);
        Tell(answer, result.Delivery!);
        if (ingestion.Progress is { } progress)
        {
            answer.Say("progress_read", progress.BytesRead);
            answer.Say("progress_sent", progress.BytesSent);
            answer.Say("progress_total", progress.BytesTotal);
        }
    }

    private static void Tell(Answer answer, IngestionDelivery delivery)
    {
        answer.Say("route", Catalog.Routes.First(route => route.Value == delivery.Route).Key);
        answer.Say("attempts", delivery.StreamingAttempts);
        if (delivery.FallbackCause is { } cause)
        {
            answer.Say("fallback", cause.ServiceCode);
        }
        answer.Say("policy_failed", delivery.UpdatePolicy is { IsFailure: true } ? 1 : 0);
        answer.Say("duplicated", delivery.PossiblyDuplicated ? 1 : 0);
    }

    private async Task Track(Message message, Answer answer, CancellationToken token)
    {
        // The client may be another one than that of the ingestion.
        IKustoIngestionResult result = ClientOf(message).Limited(message.Timeout).GetIngestionResult(await TokenOf(message));
        IEnumerable<IngestionStatus> statuses = message.Number("final") != 0
            ? await result.WaitForFinalStatusAsync(pollInterval: PollInterval, cancellationToken: token)
            : await result.GetIngestionStatusCollectionAsync(token);
        foreach (IngestionStatus status in statuses)
        {
            SayItem(answer, States[status.Status], status.IngestionSourceId, status.ErrorCodeText);
        }
    }

    private async Task Outcomes(Message message, Answer answer, CancellationToken cancellation)
    {
        string token = await TokenOf(message);
        IKustoQueuedIngestClient client = ClientOf(message).Limited(message.Timeout);
        int most = checked((int)(message.Number("max") ?? -1));
        switch (message.Get("how"), message.Get("which"))
        {
            case ("peek", "failures"):
                SayFailures(answer, await client.PeekTopIngestionFailuresAsync(most, token, cancellation));
                break;
            case ("take", "failures"):
                SayFailures(answer, await client.GetAndDiscardTopIngestionFailuresAsync(most, token, cancellation));
                break;
            case ("peek", "successes"):
                SaySuccesses(answer, await client.PeekTopIngestionSuccessesAsync(most, token, cancellation));
                break;
            case ("take", "successes"):
                SaySuccesses(answer, await client.GetAndDiscardTopIngestionSuccessesAsync(most, token, cancellation));
                break;
            case (string how, string which):
                throw new MisunderstoodException($"unknown words: {how} {which}");
        }
    }

    /// <summary>The token of an ingestion that has ended well.</summary>
    private async Task<string> TokenOf(Message message)
    {
        Task<IKustoIngestionResult> result = IngestionOf(message).Result;
        return result.IsCompletedSuccessfully
            ? (await result).TrackingToken
            : throw new MisunderstoodException($"{message.Verb}: the operation has no receipt");
    }

    private static void SayFailures(Answer answer, IEnumerable<IngestionFailure> failures)
    {
        foreach (IngestionFailure failure in failures)
        {
            SayItem(answer, "failed", failure.Info.IngestionSourceId, failure.Info.ErrorCodeText);
        }
    }

    private static void SaySuccesses(Answer answer, IEnumerable<IngestionSuccess> successes)
    {
        foreach (IngestionSuccess success in successes)
        {
            SayItem(answer, "succeeded", success.Info.IngestionSourceId, null);
        }
    }

    private static void SayItem(Answer answer, string state, Guid source, string? code) =>
        answer.Say("item", $"{state} {(source == Guid.Empty ? "-" : source)} {(string.IsNullOrEmpty(code) ? "-" : code)}");

    private async Task Execute(Message message, Answer answer, CancellationToken token)
    {
        ClientRequestProperties properties = new() { Timeout = message.Timeout };
        foreach ((string name, string value) in message.Assignments("parameter"))
        {
            properties.SetParameter(name, value);
        }
        foreach ((string name, string value) in message.Assignments("option"))
        {
            properties.SetOption(name, OptionOf(value));
        }
        using IDataReader reader = await ClientOf(message).Execute(
            message.Get("database"), message.Get("text"), properties, token);
        for (int column = 0; column < reader.FieldCount; column++)
        {
            answer.Say("column", $"{reader.GetName(column)} {reader.GetDataTypeName(column)}");
        }
        while (reader.Read())
        {
            answer.Say("row", JsonSerializer.Serialize(
                Enumerable.Range(0, reader.FieldCount).Select(column => reader.IsDBNull(column) ? null : reader.GetString(column))));
        }
    }

    /// <summary>Options are typed, but the driver sends texts.</summary>
    private static object OptionOf(string text) =>
        bool.TryParse(text, out bool flag) ? flag
        : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? number
        : text;
}
