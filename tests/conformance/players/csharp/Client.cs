using System;
using System.Data;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Kusto.Ingest.Native;

/// <summary>A client of the driver: three objects in .NET.</summary>
internal sealed class Client : IAsyncDisposable
{
    private readonly QueueOptions options = new();
    private readonly ICslAdminProvider admin;
    private readonly ICslQueryProvider query;

    internal Client(Message message)
    {
        KustoConnectionStringBuilder kcsb = new(message.Get("connection"));
        foreach ((string name, string value) in message.Assignments("setting"))
        {
            kcsb.WithSetting(name, value);
        }
        Login(kcsb, message);
        Ingest = KustoIngestFactory.CreateQueuedIngestClient(kcsb, options);
        admin = KustoClientFactory.CreateCslAdminProvider(kcsb);
        query = KustoClientFactory.CreateCslQueryProvider(kcsb);
    }

    internal IKustoQueuedIngestClient Ingest { get; }

    public async ValueTask DisposeAsync()
    {
        await Ingest.DisposeAsync();
        await admin.DisposeAsync();
        await query.DisposeAsync();
    }

    /// <summary>The ingestion client, with a time limit for the calls that have no parameter for it.</summary>
    internal IKustoQueuedIngestClient Limited(TimeSpan timeout)
    {
        options.Timeout = timeout;
        return Ingest;
    }

    internal Task<IDataReader> Execute(string database, string text, ClientRequestProperties properties, CancellationToken token) =>
        // Of a scenario, commands have a line that begins with a dot, queries have none.
        ("\n" + text.TrimStart('\ufeff')).Contains("\n.", StringComparison.Ordinal)
            ? admin.ExecuteControlCommandAsync(database, text, properties, token)
            : query.ExecuteQueryAsync(database, text, properties, token);

    /// <summary>On a thread of the pool, since it waits for work that may need this one.</summary>
    internal Task Close(TimeSpan timeout)
    {
        admin.Dispose();
        query.Dispose();
        return Task.Run(() => Ingest.Close(timeout));
    }

    private static void Login(KustoConnectionStringBuilder kcsb, Message message)
    {
        string login = message.Find("login") ?? "none";
        switch (login)
        {
            case "none":
                break;
            case "token":
                kcsb.WithAadUserTokenAuthentication("a-token");
                break;
            case "callback":
                kcsb.WithAadTokenProviderAuthentication(() => Task.FromResult("a-token"));
                break;
            case "failing":
                kcsb.WithAadTokenProviderAuthentication((_, _) => throw new InvalidOperationException("the login fails"));
                break;
            case "federated":
                kcsb.WithCredential(Federated(message));
                break;
            case "on_behalf_of":
                kcsb.WithCredential(KustoCredential.OnBehalfOf(Federated(message), "no-token"));
                break;
            case "chain":
                kcsb.WithCredential(KustoCredential.ChainedToken(KustoCredential.Environment(), KustoCredential.ManagedIdentity()));
                break;
            case "interactive":
                kcsb.WithAadUserPromptAuthentication();
                break;
            case "device":
                // The driver plays the user, who needs no prompt.
                kcsb.WithAadDeviceCodeAuthentication((_, _, _) => Task.CompletedTask);
                break;
            default:
                throw new MisunderstoodException($"unknown login: {login}");
        }
    }

    private static KustoCredential Federated(Message message)
    {
        string file = message.Get("file");
        return KustoCredential.ClientAssertion(null, message.Get("application"), cancellation => File.ReadAllTextAsync(file, cancellation));
    }
}
