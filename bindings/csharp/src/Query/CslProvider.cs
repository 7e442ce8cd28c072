using System;
using System.Data;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>Runs commands and queries: the library distinguishes them by the leading dot.</summary>
internal sealed class CslProvider : ICslAdminProvider, ICslQueryProvider
{
    private readonly NativeClient client;

    internal CslProvider(KustoConnectionStringBuilder kcsb, string owner)
    {
        client = NativeClient.Of(kcsb, owner, queriesOnly: true);
        DefaultDatabaseName = kcsb.InitialCatalog;
    }

    public string? DefaultDatabaseName { get; set; }

    public IDataReader ExecuteControlCommand(string command, ClientRequestProperties? properties) =>
        ExecuteControlCommand(null, command, properties);

    public IDataReader ExecuteControlCommand(string? databaseName, string command, ClientRequestProperties? properties) =>
        Execute(databaseName, Command(command), properties);

    public Task<IDataReader> ExecuteControlCommandAsync(
        string? databaseName, string command, ClientRequestProperties? properties, CancellationToken cancellationToken) =>
        ExecuteAsync(databaseName, Command(command), properties, cancellationToken);

    public IDataReader ExecuteQuery(string query, ClientRequestProperties? properties) => ExecuteQuery(null, query, properties);

    public IDataReader ExecuteQuery(string? databaseName, string query, ClientRequestProperties? properties) =>
        Execute(databaseName, Query(query), properties);

    public Task<IDataReader> ExecuteQueryAsync(
        string? databaseName, string query, ClientRequestProperties? properties, CancellationToken cancellationToken) =>
        ExecuteAsync(databaseName, Query(query), properties, cancellationToken);

    public void Dispose() => client.Close();

#if NET5_0_OR_GREATER
    public ValueTask DisposeAsync() => new(client.CloseAsync());
#endif

    private static string Command(string text) =>
        IsCommand(text ?? throw new ArgumentNullException("command")) ? text : throw Failure.InvalidArgument("command", "does not begin with a dot");

    private static string Query(string text) =>
        IsCommand(text ?? throw new ArgumentNullException("query")) ? throw Failure.InvalidArgument("query", "is a management command") : text;

    /// <summary>The library decides: comments and invisible characters may stand before the dot.</summary>
    private static bool IsCommand(string text)
    {
        NativeText native = NativeText.Lenient(text);
        return NativeMethods.kusto_is_command(native.Bytes, native.Length) != 0;
    }

    private IDataReader Execute(string? database, string text, ClientRequestProperties? properties)
    {
        using RequestOptionsHandle options = (properties ?? new()).ToNative();
        return new KustoDataReader(client.Run<RowsHandle>(Start(database, text, properties?.Timeout, options), NativeMethods.kusto_op_rows));
    }

    private async Task<IDataReader> ExecuteAsync(string? database, string text, ClientRequestProperties? properties, CancellationToken cancellation)
    {
        using RequestOptionsHandle options = (properties ?? new()).ToNative();
        return new KustoDataReader(await client.RunAsync<RowsHandle>(
            Start(database, text, properties?.Timeout, options), NativeMethods.kusto_op_rows, cancellation).ConfigureAwait(false));
    }

    private Func<ClientHandle, NativeOperation.Start> Start(string? database, string text, TimeSpan? limit, RequestOptionsHandle options)
    {
        NativeText name = new(database ?? DefaultDatabaseName);
        NativeText command = new(text);
        long timeout = Timeouts.Milliseconds(limit, nameof(ClientRequestProperties.Timeout));
        return handle => (IntPtr done, IntPtr userData, IntPtr drop, out OpHandle op, out IntPtr error) =>
            NativeMethods.kusto_execute_start(
                handle, name.Bytes, name.Length, command.Bytes, command.Length, options, timeout, done, userData, drop, out op, out error);
    }
}
