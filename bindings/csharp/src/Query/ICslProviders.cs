using System;
using System.Data;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>Runs management commands. Any number of threads may use a provider at once.</summary>
/// <remarks>
/// A command is sent once and never retried. A result is held in memory as a whole. The asynchronous methods hold no
/// thread while they wait.
/// </remarks>
public interface ICslAdminProvider : IDisposable
#if NET5_0_OR_GREATER
    , IAsyncDisposable
#endif
{
    /// <summary>The database of calls without one; by default that of the connection string.</summary>
    string? DefaultDatabaseName { get; set; }

    /// <summary>Runs a command in the default database, waiting on the calling thread.</summary>
    /// <param name="command">The command, which begins with a dot.</param>
    /// <param name="properties">Options.</param>
    /// <returns>The result: a <see cref="KustoDataReader"/>.</returns>
    /// <exception cref="KustoException">The service rejected the request or could not be reached.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the provider was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The provider is closed.</exception>
    IDataReader ExecuteControlCommand(string command, ClientRequestProperties? properties = null);

    /// <summary>Runs a command, waiting on the calling thread.</summary>
    /// <param name="databaseName">The database; the default one when null.</param>
    /// <param name="command">The command, which begins with a dot.</param>
    /// <param name="properties">Options.</param>
    /// <returns>The result: a <see cref="KustoDataReader"/>.</returns>
    /// <exception cref="KustoException">The service rejected the request or could not be reached.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the provider was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The provider is closed.</exception>
    IDataReader ExecuteControlCommand(string? databaseName, string command, ClientRequestProperties? properties = null);

    /// <summary>Runs a command.</summary>
    /// <param name="databaseName">The database; the default one when null.</param>
    /// <param name="command">The command, which begins with a dot.</param>
    /// <param name="properties">Options.</param>
    /// <param name="cancellationToken">Cancels the call; the service may carry out the command nevertheless.</param>
    /// <returns>The result: a <see cref="KustoDataReader"/>.</returns>
    /// <exception cref="KustoException">The service rejected the request or could not be reached.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the provider was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The provider is closed.</exception>
    Task<IDataReader> ExecuteControlCommandAsync(
        string? databaseName, string command, ClientRequestProperties? properties = null, CancellationToken cancellationToken = default);

#if NET5_0_OR_GREATER
    // It has a body: a class that was compiled for .NET Standard 2.0, which lacks the interface, implements this one too.
    ValueTask IAsyncDisposable.DisposeAsync()
    {
        Dispose();
        return default;
    }
#endif
}

/// <summary>Runs queries. Any number of threads may use a provider at once.</summary>
/// <remarks>
/// A result is held in memory as a whole. The asynchronous methods hold no thread while they wait. A management command
/// is refused, so that a text from an untrusted source cannot become one.
/// </remarks>
public interface ICslQueryProvider : IDisposable
#if NET5_0_OR_GREATER
    , IAsyncDisposable
#endif
{
    /// <summary>The database of calls without one; by default that of the connection string.</summary>
    string? DefaultDatabaseName { get; set; }

    /// <summary>Runs a query in the default database, waiting on the calling thread.</summary>
    /// <param name="query">The query.</param>
    /// <param name="properties">Options and parameters.</param>
    /// <returns>The result: a <see cref="KustoDataReader"/>.</returns>
    /// <exception cref="KustoException">The service rejected the request or could not be reached.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the provider was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The provider is closed.</exception>
    IDataReader ExecuteQuery(string query, ClientRequestProperties? properties = null);

    /// <summary>Runs a query, waiting on the calling thread.</summary>
    /// <param name="databaseName">The database; the default one when null.</param>
    /// <param name="query">The query.</param>
    /// <param name="properties">Options and parameters.</param>
    /// <returns>The result: a <see cref="KustoDataReader"/>.</returns>
    /// <exception cref="KustoException">The service rejected the request or could not be reached.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the provider was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The provider is closed.</exception>
    IDataReader ExecuteQuery(string? databaseName, string query, ClientRequestProperties? properties);

    /// <summary>Runs a query.</summary>
    /// <param name="databaseName">The database; the default one when null.</param>
    /// <param name="query">The query.</param>
    /// <param name="properties">Options and parameters.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The result: a <see cref="KustoDataReader"/>.</returns>
    /// <exception cref="KustoException">The service rejected the request or could not be reached.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the provider was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The provider is closed.</exception>
    Task<IDataReader> ExecuteQueryAsync(
        string? databaseName, string query, ClientRequestProperties? properties = null, CancellationToken cancellationToken = default);

#if NET5_0_OR_GREATER
    // It has a body: a class that was compiled for .NET Standard 2.0, which lacks the interface, implements this one too.
    ValueTask IAsyncDisposable.DisposeAsync()
    {
        Dispose();
        return default;
    }
#endif
}

/// <summary>Creates providers for commands and queries.</summary>
public static class KustoClientFactory
{
    /// <summary>A provider for management commands. It connects on first use.</summary>
    /// <param name="kcsb">The cluster and the login.</param>
    /// <returns>The provider, to be disposed.</returns>
    /// <exception cref="KustoException">The connection string or a setting is wrong.</exception>
    /// <exception cref="DllNotFoundException">The native library is missing or of another binary interface.</exception>
    public static ICslAdminProvider CreateCslAdminProvider(KustoConnectionStringBuilder kcsb) =>
        new CslProvider(kcsb ?? throw new ArgumentNullException(nameof(kcsb)), nameof(ICslAdminProvider));

    /// <summary>A provider for management commands. It connects on first use.</summary>
    /// <param name="connectionString">The cluster and the login.</param>
    /// <returns>The provider, to be disposed.</returns>
    /// <exception cref="KustoException">The connection string is wrong.</exception>
    /// <exception cref="DllNotFoundException">The native library is missing or of another binary interface.</exception>
    public static ICslAdminProvider CreateCslAdminProvider(string connectionString) =>
        CreateCslAdminProvider(new KustoConnectionStringBuilder(connectionString));

    /// <summary>A provider for queries. It connects on first use.</summary>
    /// <param name="kcsb">The cluster and the login.</param>
    /// <returns>The provider, to be disposed.</returns>
    /// <exception cref="KustoException">The connection string or a setting is wrong.</exception>
    /// <exception cref="DllNotFoundException">The native library is missing or of another binary interface.</exception>
    public static ICslQueryProvider CreateCslQueryProvider(KustoConnectionStringBuilder kcsb) =>
        new CslProvider(kcsb ?? throw new ArgumentNullException(nameof(kcsb)), nameof(ICslQueryProvider));

    /// <summary>A provider for queries. It connects on first use.</summary>
    /// <param name="connectionString">The cluster and the login.</param>
    /// <returns>The provider, to be disposed.</returns>
    /// <exception cref="KustoException">The connection string is wrong.</exception>
    /// <exception cref="DllNotFoundException">The native library is missing or of another binary interface.</exception>
    public static ICslQueryProvider CreateCslQueryProvider(string connectionString) =>
        CreateCslQueryProvider(new KustoConnectionStringBuilder(connectionString));
}
