using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Kusto.Ingest.Native;

/// <summary>The login of an application by a certificate of .NET.</summary>
internal static class CertificateLogin
{
    private const byte Integer = 0x02;
    private const byte Sequence = 0x30;

    /// <exception cref="ArgumentException">The certificate has no RSA key that can be exported.</exception>
    /// <exception cref="KustoException">The library refuses it.</exception>
    internal static unsafe CredentialHandle Of(string client, X509Certificate2 certificate, string? tenant, bool sendsChain)
    {
        byte[] file = Pem(certificate);
        CredentialHandle credential;
        try
        {
            NativeText tenantText = new(tenant);
            NativeText clientText = new(client);
            fixed (byte* data = file)
            {
                int status = NativeMethods.kusto_credential_certificate(
                    tenantText.Bytes, tenantText.Length, clientText.Bytes, clientText.Length, data, (nuint)file.Length, null, 0, out credential, out IntPtr error);
                Failure.ThrowOn(status, error);
            }
        }
        finally
        {
            Array.Clear(file, 0, file.Length);
        }
        return sendsChain ? Set(credential, "send chain", "true") : credential;
    }

    private static CredentialHandle Set(CredentialHandle credential, string name, string value)
    {
        NativeText key = new(name);
        NativeText text = new(value);
        try
        {
            Failure.ThrowOn(NativeMethods.kusto_credential_set(credential, key.Bytes, key.Length, text.Bytes, text.Length, out IntPtr error), error);
            return credential;
        }
        catch
        {
            credential.Dispose();
            throw;
        }
    }

    private static byte[] Pem(X509Certificate2 certificate)
    {
        using RSA key = certificate.GetRSAPrivateKey() ?? throw new ArgumentException("The certificate has no RSA key.", nameof(certificate));
        string text = Block("RSA PRIVATE KEY", PrivateKey(Numbers(key, certificate.Subject))) + Block("CERTIFICATE", certificate.RawData);
        return Encoding.ASCII.GetBytes(text);
    }

    /// <summary>The numbers of a key, which the library needs to sign; keys of servers are often stored so that they never leave.</summary>
    /// <exception cref="ArgumentException">They cannot be exported.</exception>
    internal static RSAParameters Numbers(RSA key, string subject)
    {
        try
        {
            return key.ExportParameters(includePrivateParameters: true);
        }
        catch (CryptographicException failure)
        {
            string message = $"The key of the certificate {subject} cannot be exported: import it so that it can, or use a token provider.";
            throw new ArgumentException(message, "certificate", failure);
        }
    }

    private static string Block(string name, byte[] der) =>
        $"-----BEGIN {name}-----\n{Convert.ToBase64String(der, Base64FormattingOptions.InsertLineBreaks)}\n-----END {name}-----\n";

    /// <summary>PKCS#1, which .NET Standard 2.0 does not write itself.</summary>
    internal static byte[] PrivateKey(RSAParameters key)
    {
        List<byte> content = [Integer, 1, 0];
        foreach (byte[]? number in (byte[]?[])[key.Modulus, key.Exponent, key.D, key.P, key.Q, key.DP, key.DQ, key.InverseQ])
        {
            content.AddRange(Element(Integer, Digits(number!)));
        }
        return Element(Sequence, content.ToArray());
    }

    /// <summary>As few bytes as the number needs, which .NET pads; a first one that would be a sign gets another before it.</summary>
    private static byte[] Digits(byte[] number)
    {
        int zeros = 0;
        while (zeros < number.Length - 1 && number[zeros] == 0)
        {
            zeros++;
        }
        byte[] bytes = new byte[number.Length - zeros];
        Array.Copy(number, zeros, bytes, 0, bytes.Length);
        return bytes[0] < 0x80 ? bytes : [0, .. bytes];
    }

    private static byte[] Element(byte tag, byte[] content) => content.Length switch
    {
        < 0x80 => [tag, (byte)content.Length, .. content],
        < 0x100 => [tag, 0x81, (byte)content.Length, .. content],
        _ => [tag, 0x82, (byte)(content.Length >> 8), (byte)content.Length, .. content],
    };
}
