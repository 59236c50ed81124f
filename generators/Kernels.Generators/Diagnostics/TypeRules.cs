using Kernels.Compiler.Specs;
using Microsoft.CodeAnalysis;

namespace Kernels.Generators.Diagnostics;

/// <summary>The rules on the type that carries a spec. Their messages name the type as {0} and the finding's subject as {1}.</summary>
internal static class TypeRules
{
    public static readonly SpecRule NotPartial = SpecRule.Error("KA0001", "Type is not partial",
        "{0} must be partial: the generator writes its kernels and bindings into the same type");

    public static readonly SpecRule ContainerNotPartial = SpecRule.Error("KA0002", "Containing type is not partial",
        "{1}, which contains {0}, must be partial too");

    public static readonly SpecRule WrongKind = SpecRule.Error("KA0003", "Wrong kind of type",
        "{0} is {1}; [AttentionKernel] belongs on a partial class that is neither static nor abstract, a record nor file-local");

    public static readonly SpecRule Generic = SpecRule.Error("KA0004", "Type is generic",
        "{1} is generic; kernels are emitted for one set of numbers, "
            + "so declare a class without type parameters for each, outside generic types");

    public static readonly SpecRule MemberTaken = SpecRule.Error("KA0005", "Member is the generator's",
        "{0} has {1}, which the generator emits; rename or remove yours, or keep it in another type");

    public static readonly SpecRule NameTaken = SpecRule.Error("KA0006", "Type has the name of a generated member",
        "{0} cannot be the type's name: the generator emits a member {1}, and a member cannot have the name of its type; rename the type");

    public static readonly SpecRule CannotConstruct = SpecRule.Error("KA0007", "Generated constructor cannot create the type",
        "The generated constructor of {0} cannot create it: {1}");

    public static readonly SpecRule LanguageVersion = SpecRule.Error("KA0008", "C# version is too low",
        "{0} is compiled as C# {1}; generated code takes C# 12 or later, so set LangVersion or leave it out");

    public static readonly SpecRule NoRuntime = SpecRule.Warning("KA0009", "Runtime is not referenced",
        "{0} gets its numbers and kernel sources only: "
            + "what runs them on a device needs the package Kernels.OpenCL, so add a reference to it");

    public static readonly IReadOnlyList<SpecRule> All =
        [NotPartial, ContainerNotPartial, WrongKind, Generic, MemberTaken, NameTaken, CannotConstruct, LanguageVersion, NoRuntime];
}
