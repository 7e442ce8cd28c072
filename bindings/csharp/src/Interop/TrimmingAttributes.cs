#if !NET5_0_OR_GREATER
using System;

namespace System.Diagnostics.CodeAnalysis;

// The attributes by which a trimmed program keeps what reflection needs. They do nothing on frameworks that do not trim, which lack them.

[Flags]
internal enum DynamicallyAccessedMemberTypes
{
    PublicFields = 0x20,
    PublicProperties = 0x200,
}

[AttributeUsage(AttributeTargets.Method | AttributeTargets.Property | AttributeTargets.ReturnValue)]
internal sealed class DynamicallyAccessedMembersAttribute : Attribute
{
    public DynamicallyAccessedMembersAttribute(DynamicallyAccessedMemberTypes memberTypes) => MemberTypes = memberTypes;

    public DynamicallyAccessedMemberTypes MemberTypes { get; }
}

[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class DynamicDependencyAttribute : Attribute
{
    public DynamicDependencyAttribute(DynamicallyAccessedMemberTypes memberTypes, Type type)
    {
        MemberTypes = memberTypes;
        Type = type;
    }

    public DynamicallyAccessedMemberTypes MemberTypes { get; }

    public Type Type { get; }
}

[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class UnconditionalSuppressMessageAttribute : Attribute
{
    public UnconditionalSuppressMessageAttribute(string category, string checkId)
    {
        Category = category;
        CheckId = checkId;
    }

    public string Category { get; }

    public string CheckId { get; }

    public string? Justification { get; set; }
}
#endif
