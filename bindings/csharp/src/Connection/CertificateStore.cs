using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Kusto.Ingest.Native;

/// <summary>Certificates with their keys in the stores "My" of the user and of the machine.</summary>
internal static class CertificateStore
{
    private const string Rsa = "1.2.840.113549.1.1.1";

    /// <exception cref="ArgumentException">There is none.</exception>
    internal static X509Certificate2 ByThumbprint(string thumbprint)
    {
        // Copied from the system's dialog, it has spaces, and a mark of direction that nobody sees.
        string digits = new(thumbprint.Where(Uri.IsHexDigit).ToArray());
        return Found(X509FindType.FindByThumbprint, digits, issuer: null, $"the thumbprint {digits}", "applicationCertificateThumbprint");
    }

    /// <param name="subject">The distinguished name of its subject.</param>
    /// <param name="issuer">The distinguished name of its issuer; null is any.</param>
    /// <exception cref="ArgumentException">There is none.</exception>
    internal static X509Certificate2 BySubject(string subject, string? issuer)
    {
        string what = issuer is null ? $"the subject {subject}" : $"the subject {subject}, the issuer {issuer},";
        return Found(X509FindType.FindBySubjectDistinguishedName, subject, issuer, what, "applicationCertificateSubjectDistinguishedName");
    }

    /// <summary>
    /// One that a login can use now before others, then the one that is valid for longest; the user's before the machine's, which
    /// come in this order.
    /// </summary>
    internal static X509Certificate2? Best(IEnumerable<X509Certificate2> certificates, DateTime now) => certificates
        .OrderByDescending(each => each.NotBefore <= now && now <= each.NotAfter && each.PublicKey.Oid.Value == Rsa)
        .ThenByDescending(each => each.NotAfter)
        .FirstOrDefault();

    private static X509Certificate2 Found(X509FindType by, string value, string? issuer, string what, string parameter)
    {
        List<X509Certificate2> all = [];
        Exception? unread = null;
        foreach (StoreLocation location in (StoreLocation[])[StoreLocation.CurrentUser, StoreLocation.LocalMachine])
        {
            try
            {
                AddAll(all, location);
            }
            catch (CryptographicException failure)
            {
                // There is no such store, as on Linux the machine has none with keys; or it is not for this user.
                unread = failure;
            }
        }
        X509Certificate2? best = Best(Matching(all, by, value, issuer), DateTime.Now);
        foreach (X509Certificate2 other in all.Where(other => !ReferenceEquals(other, best)))
        {
            other.Dispose();
        }
        return best ?? throw new ArgumentException($"No certificate of the user or of the machine has {what} and a key.", parameter, unread);
    }

    private static void AddAll(List<X509Certificate2> all, StoreLocation location)
    {
        using X509Store store = new(StoreName.My, location);
        store.Open(OpenFlags.ReadOnly | OpenFlags.OpenExistingOnly);
        all.AddRange(store.Certificates.Cast<X509Certificate2>());
    }

    private static X509Certificate2[] Matching(List<X509Certificate2> all, X509FindType by, string value, string? issuer) =>
        new X509Certificate2Collection(all.ToArray()).Find(by, value, validOnly: false).Cast<X509Certificate2>()
            .Where(each => each.HasPrivateKey && (issuer is null || IsOf(each, issuer)))
            .ToArray();

    /// <summary>As the system compares the names of subjects: without regard to case.</summary>
    private static bool IsOf(X509Certificate2 certificate, string issuer) =>
        string.Equals(certificate.Issuer, issuer, StringComparison.OrdinalIgnoreCase);
}
