using System;
using System.Linq;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Kusto.Ingest.Native;

/// <summary>Certificates with their keys in the stores "My" of the user and of the machine.</summary>
internal static class CertificateStore
{
    /// <exception cref="ArgumentException">There is none.</exception>
    internal static X509Certificate2 ByThumbprint(string thumbprint)
    {
        // Copied from the system's dialog, it has spaces, and a mark of direction that nobody sees.
        string digits = new(thumbprint.Where(Uri.IsHexDigit).ToArray());
        return Newest(X509FindType.FindByThumbprint, digits, issuer: null)
            ?? throw new ArgumentException($"No certificate of the user or of the machine has the thumbprint {digits} and a key.", nameof(thumbprint));
    }

    /// <param name="subject">The distinguished name of its subject.</param>
    /// <param name="issuer">The distinguished name of its issuer; null is any.</param>
    /// <exception cref="ArgumentException">There is none.</exception>
    internal static X509Certificate2 BySubject(string subject, string? issuer) =>
        Newest(X509FindType.FindBySubjectDistinguishedName, subject, issuer)
        ?? throw new ArgumentException($"No certificate of the user or of the machine has the subject {subject}, the issuer asked for, and a key.", nameof(subject));

    /// <summary>The one that is valid for longest; the user's before the machine's.</summary>
    private static X509Certificate2? Newest(X509FindType by, string value, string? issuer)
    {
        foreach (StoreLocation location in (StoreLocation[])[StoreLocation.CurrentUser, StoreLocation.LocalMachine])
        {
            X509Certificate2[] all = All(location, by, value);
            X509Certificate2? newest = all
                .Where(each => each.HasPrivateKey && (issuer is null || IsOf(each, issuer)))
                .OrderByDescending(each => each.NotAfter)
                .FirstOrDefault();
            foreach (X509Certificate2 other in all.Where(other => other != newest))
            {
                other.Dispose();
            }
            if (newest is not null)
            {
                return newest;
            }
        }
        return null;
    }

    private static X509Certificate2[] All(StoreLocation location, X509FindType by, string value)
    {
        using X509Store store = new(StoreName.My, location);
        try
        {
            store.Open(OpenFlags.ReadOnly | OpenFlags.OpenExistingOnly);
            return store.Certificates.Find(by, value, validOnly: false).Cast<X509Certificate2>().ToArray();
        }
        catch (CryptographicException)
        {
            // There is no such store; on Linux the machine has none with keys.
            return [];
        }
    }

    /// <summary>As the system compares the names of subjects: without regard to case.</summary>
    private static bool IsOf(X509Certificate2 certificate, string issuer) =>
        string.Equals(certificate.Issuer, issuer, StringComparison.OrdinalIgnoreCase);
}
