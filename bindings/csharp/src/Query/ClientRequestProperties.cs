using System;
using System.Collections.Generic;

namespace Kusto.Ingest.Native;

/// <summary>Options and parameters of commands and queries. May be used for any number of them.</summary>
public class ClientRequestProperties
{
    /// <summary>How long the service may work: a <see cref="TimeSpan"/> for <see cref="SetOption"/>.</summary>
    public const string OptionServerTimeout = "servertimeout";

    /// <summary>No limit of rows and bytes: a boolean for <see cref="SetOption"/>.</summary>
    public const string OptionNoTruncation = "notruncation";

    private readonly Dictionary<string, string> options = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> parameters = new(StringComparer.Ordinal);

    /// <summary>The id under which the service logs the request; chosen by the library when null.</summary>
    public string? ClientRequestId { get; set; }

    /// <summary>
    /// The most time that the whole call may take; as long as it takes when null. The service is told too, unless
    /// <see cref="OptionServerTimeout"/> is set.
    /// </summary>
    public TimeSpan? Timeout { get; set; }

    /// <summary>Sets one of the service's request options. The service ignores names it does not know.</summary>
    /// <param name="name">Such as <see cref="OptionNoTruncation"/>.</param>
    /// <param name="value">A boolean, a number, a text, a time or time span; a sequence or dictionary of them.</param>
    public void SetOption(string name, object value) =>
        options[name ?? throw new ArgumentNullException(nameof(name))] = JsonWriter.Write(value ?? throw new ArgumentNullException(nameof(value)));

    /// <summary>Takes an option away again.</summary>
    /// <param name="name">Its name.</param>
    public void ClearOption(string name) => options.Remove(name);

    /// <summary>Whether an option is set.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>True if it is.</returns>
    public bool HasOption(string name) => options.ContainsKey(name);

    /// <summary>Sets a query parameter that the query declares as string: "declare query_parameters(name:string);".</summary>
    /// <param name="name">The parameter's name.</param>
    /// <param name="value">The text itself, without quotes: it cannot become part of the query.</param>
    public void SetParameter(string name, string value) =>
        parameters[name ?? throw new ArgumentNullException(nameof(name))] = value ?? throw new ArgumentNullException(nameof(value));

    /// <summary>Sets a query parameter of type bool.</summary>
    /// <param name="name">The parameter's name.</param>
    /// <param name="value">The value.</param>
    public void SetParameter(string name, bool value) => SetParameter(name, ScalarText.Of(value));

    /// <summary>Sets a query parameter of type int.</summary>
    /// <param name="name">The parameter's name.</param>
    /// <param name="value">The value.</param>
    public void SetParameter(string name, int value) => SetParameter(name, $"int({ScalarText.Of(value)})");

    /// <summary>Sets a query parameter of type long.</summary>
    /// <param name="name">The parameter's name.</param>
    /// <param name="value">The value.</param>
    public void SetParameter(string name, long value) => SetParameter(name, $"long({ScalarText.Of(value)})");

    /// <summary>Sets a query parameter of type real.</summary>
    /// <param name="name">The parameter's name.</param>
    /// <param name="value">The value.</param>
    public void SetParameter(string name, double value) => SetParameter(name, Real(value));

    /// <summary>Sets a query parameter of type decimal.</summary>
    /// <param name="name">The parameter's name.</param>
    /// <param name="value">The value.</param>
    public void SetParameter(string name, decimal value) => SetParameter(name, $"decimal({ScalarText.Of(value)})");

    /// <summary>Sets a query parameter of type datetime.</summary>
    /// <param name="name">The parameter's name.</param>
    /// <param name="value">The value; an unspecified kind is taken for UTC.</param>
    public void SetParameter(string name, DateTime value) => SetParameter(name, $"datetime({ScalarText.Of(value)})");

    /// <summary>Sets a query parameter of type timespan.</summary>
    /// <param name="name">The parameter's name.</param>
    /// <param name="value">The value.</param>
    public void SetParameter(string name, TimeSpan value) => SetParameter(name, $"timespan({ScalarText.Of(value)})");

    /// <summary>Sets a query parameter of type guid.</summary>
    /// <param name="name">The parameter's name.</param>
    /// <param name="value">The value.</param>
    public void SetParameter(string name, Guid value) => SetParameter(name, $"guid({ScalarText.Of(value)})");

    /// <summary>Takes a parameter away again.</summary>
    /// <param name="name">Its name.</param>
    public void ClearParameter(string name) => parameters.Remove(name);

    /// <summary>Whether a parameter is set.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>True if it is.</returns>
    public bool HasParameter(string name) => parameters.ContainsKey(name);

    /// <summary>Native options, for the caller to dispose.</summary>
    /// <exception cref="KustoException">One is wrong.</exception>
    internal RequestOptionsHandle ToNative()
    {
        Failure.ThrowOn(NativeMethods.kusto_request_options_new(out RequestOptionsHandle native, out IntPtr error), error);
        try
        {
            Fill(native);
            return native;
        }
        catch
        {
            native.Dispose();
            throw;
        }
    }

    private static string Real(double value) =>
        double.IsNaN(value) ? "real(nan)"
        : double.IsPositiveInfinity(value) ? "real(+inf)"
        : double.IsNegativeInfinity(value) ? "real(-inf)"
        : $"real({ScalarText.Of(value)})";

    private void Fill(RequestOptionsHandle native)
    {
        IntPtr error;
        foreach (KeyValuePair<string, string> option in options)
        {
            NativeText name = new(option.Key);
            NativeText value = new(option.Value);
            Failure.ThrowOn(NativeMethods.kusto_request_options_set(native, name.Bytes, name.Length, value.Bytes, value.Length, out error), error);
        }
        foreach (KeyValuePair<string, string> parameter in parameters)
        {
            NativeText name = new(parameter.Key);
            NativeText value = new(parameter.Value);
            int status = NativeMethods.kusto_request_options_set_parameter(native, name.Bytes, name.Length, value.Bytes, value.Length, out error);
            Failure.ThrowOn(status, error);
        }
        if (ClientRequestId is not null)
        {
            NativeText id = new(ClientRequestId);
            Failure.ThrowOn(NativeMethods.kusto_request_options_set_client_request_id(native, id.Bytes, id.Length, out error), error);
        }
    }
}
