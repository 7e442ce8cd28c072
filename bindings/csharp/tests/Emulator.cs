using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Kusto.Ingest.Native.Tests;

/// <summary>The emulator's own endpoints: faults, traffic, blobs of ours.</summary>
public sealed class Emulator
{
    /// <summary>Uploads hang until the rule is taken away.</summary>
    public const string StalledUploads = """{"service": "blob", "fault": {"kind": "stall", "when": "before"}}""";

    public const string StalledQueries = """{"service": "query", "fault": {"kind": "stall", "when": "before"}}""";

    private readonly string engine;

    /// <summary>The engine's address.</summary>
    public string Engine => engine;

    public Emulator(string connectionString)
    {
        engine = connectionString.Split(';')
            .Where(part => part.StartsWith("Data Source=", StringComparison.Ordinal))
            .Select(part => part["Data Source=".Length..].TrimEnd('/'))
            .FirstOrDefault(connectionString);
    }

    /// <summary>Lets requests fail until <see cref="Disarm"/>.</summary>
    public void Arm(params string[] rules)
    {
        foreach (string rule in rules)
        {
            Ask(HttpMethod.Post, "faults", rule);
        }
    }

    public void Disarm() => Ask(HttpMethod.Delete, "faults");

    /// <summary>How often each armed rule has fired.</summary>
    public int[] Fired()
    {
        using JsonDocument answer = JsonDocument.Parse(Ask(HttpMethod.Get, "faults"));
        return answer.RootElement.EnumerateArray().Select(rule => rule.GetProperty("fired").GetInt32()).ToArray();
    }

    public void ResetTraffic() => Ask(HttpMethod.Delete, "traffic");

    /// <summary>How many requests went to queues since <see cref="ResetTraffic"/>.</summary>
    public int Posted()
    {
        using JsonDocument answer = JsonDocument.Parse(Ask(HttpMethod.Get, "traffic"));
        return answer.RootElement.GetProperty("services").TryGetProperty("queue", out JsonElement queue)
            ? queue.GetProperty("requests").GetInt32() : 0;
    }

    /// <summary>Puts a blob of ours into the emulator's storage.</summary>
    public string Upload(string name, string content)
    {
        using JsonDocument answer = JsonDocument.Parse(Ask(HttpMethod.Get, "resources"));
        string[] container = answer.RootElement.GetProperty("containers")[0].GetString()!.Split('?', 2);
        string url = $"{container[0]}/{Guid.NewGuid():N}-{name}?{container[1]}";
        using HttpRequestMessage request = new(HttpMethod.Put, url) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(content)) };
        request.Headers.Add("x-ms-blob-type", "BlockBlob");
        request.Headers.Add("x-ms-version", "2021-12-02");
        Send(request, HttpStatusCode.Created);
        return url;
    }

    /// <summary>Whether a blob of ours is still there.</summary>
    public bool HasBlob(string url)
    {
        using HttpRequestMessage request = new(HttpMethod.Head, url);
        request.Headers.Add("x-ms-version", "2021-12-02");
        using HttpClient client = new();
        using HttpResponseMessage response = client.Send(request);
        return response.StatusCode == HttpStatusCode.OK;
    }

    private string Ask(HttpMethod method, string path, string? body = null)
    {
        using HttpRequestMessage request = new(method, $"{engine}/emulator/v1/{path}");
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue("application/json"));
        }
        return Send(request, null);
    }

    private static string Send(HttpRequestMessage request, HttpStatusCode? expected)
    {
        // A client of its own for every request: it keeps no connection that would be counted.
        using HttpClient client = new();
        using HttpResponseMessage response = client.Send(request);
        using System.IO.StreamReader reader = new(response.Content.ReadAsStream());
        string said = reader.ReadToEnd();
        bool good = expected is null ? response.IsSuccessStatusCode : response.StatusCode == expected;
        return good ? said : throw new InvalidOperationException($"{request.Method} {request.RequestUri}: {(int)response.StatusCode} {said}");
    }
}
