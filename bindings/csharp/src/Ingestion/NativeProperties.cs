using System;
using System.Collections.Generic;

namespace Kusto.Ingest.Native;

/// <summary>Creates native properties. The library checks them.</summary>
internal static partial class NativeProperties
{
    internal const string RequestId = "clientRequestId";

    /// <summary>Properties for the caller to dispose.</summary>
    /// <exception cref="KustoException">A property is wrong.</exception>
    internal static PropsHandle Of(KustoIngestionProperties properties)
    {
        NativeText database = new(properties.DatabaseName);
        NativeText table = new(properties.TableName);
        int status = NativeMethods.kusto_props_new(
            database.Bytes, database.Length, table.Bytes, table.Length, out PropsHandle props, out IntPtr error);
        Failure.ThrowOn(status, error);
        try
        {
            SetFormat(props, properties);
            SetTags(props, properties);
            SetFlags(props, properties);
            SetOthers(props, properties);
            return props;
        }
        catch
        {
            props.Dispose();
            throw;
        }
    }

    internal static void Set(PropsHandle props, string name, string value)
    {
        NativeText key = new(name);
        NativeText text = new(value);
        Failure.ThrowOn(NativeMethods.kusto_props_set_additional(props, key.Bytes, key.Length, text.Bytes, text.Length, out IntPtr error), error);
    }

    private static void SetFormat(PropsHandle props, KustoIngestionProperties properties)
    {
        if (properties.Format is { } format)
        {
            Failure.ThrowOn(NativeMethods.kusto_props_set_format(props, (int)format, out IntPtr error), error);
        }
        if (properties.IngestionMapping is { } mapping)
        {
            SetMapping(props, mapping);
        }
    }

    private static void SetMapping(PropsHandle props, IngestionMapping mapping)
    {
        if (mapping.IngestionMappings is { } columns)
        {
            NativeText json = new(ColumnMapping.ToJson(columns));
            Failure.ThrowOn(NativeMethods.kusto_props_set_mapping_json(props, json.Bytes, json.Length, out IntPtr error), error);
        }
        // An empty one is none, as in Kusto.Ingest.
        if (mapping.IngestionMappingReference is { Length: > 0 } reference)
        {
            if (mapping.IngestionMappings is not null)
            {
                // Otherwise the library would silently use the one that was set last.
                throw Failure.InvalidArgument("IngestionMapping", "has both a reference and columns");
            }
            NativeText name = new(reference);
            Failure.ThrowOn(NativeMethods.kusto_props_set_mapping_ref(props, name.Bytes, name.Length, out IntPtr error), error);
        }
        if (mapping.IngestionMappingKind != IngestionMappingKind.Unknown && mapping is not { IngestionMappingReference: "", IngestionMappings: null })
        {
            Set(props, "ingestionMappingType", mapping.IngestionMappingKind.ToString());
        }
    }

    private static void SetTags(PropsHandle props, KustoIngestionProperties properties)
    {
        AddTags(props, "drop-by:", properties.DropByTags);
        AddTags(props, "ingest-by:", properties.IngestByTags);
        AddTags(props, "", properties.AdditionalTags);
        if (properties.IngestIfNotExists is { } tags)
        {
            Set(props, "ingestIfNotExists", JsonWriter.Write(tags));
        }
        if (properties.Once is { } key)
        {
            NativeText text = new(key);
            Failure.ThrowOn(NativeMethods.kusto_props_set_once(props, text.Bytes, text.Length, out IntPtr error), error);
        }
    }

    private static void AddTags(PropsHandle props, string prefix, IEnumerable<string>? tags)
    {
        foreach (string tag in tags ?? [])
        {
            NativeText text = new(prefix + tag);
            Failure.ThrowOn(NativeMethods.kusto_props_add_tag(props, text.Bytes, text.Length, out IntPtr error), error);
        }
    }

    private static void SetOthers(PropsHandle props, KustoIngestionProperties properties)
    {
        if (properties.IngestionMode is { } mode)
        {
            Failure.ThrowOn(NativeMethods.kusto_props_set_mode(props, (int)mode, out IntPtr error), error);
        }
        if (properties.ValidationPolicy is { } policy)
        {
            Set(props, "validationPolicy", policy.ToJson());
        }
        if (properties.CreationTime is { } time)
        {
            Set(props, "creationTime", ScalarText.Of(time));
        }
        if (properties.ClientRequestId is { } requestId)
        {
            Set(props, RequestId, requestId);
        }
        if (properties is KustoQueuedIngestionProperties queued)
        {
            SetQueued(props, queued);
        }
        foreach (KeyValuePair<string, string> property in properties.AdditionalProperties ?? new Dictionary<string, string>())
        {
            Set(props, property.Key, property.Value);
        }
    }

    private static void SetQueued(PropsHandle props, KustoQueuedIngestionProperties queued)
    {
        int status = NativeMethods.kusto_props_set_reporting(props, (int)queued.ReportLevel, (int)queued.ReportMethod, out IntPtr error);
        Failure.ThrowOn(status, error);
    }
}
