using Kernels.Generators.Parsing;
using Kernels.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;

namespace Kernels.Generators.Tests;

/// <summary>The types that a spec may be declared on, and what the generator adds to them.</summary>
public sealed class TypeShapeTests
{
    /// <summary>Declarations that work, and the files that come of them.</summary>
    public static TheoryData<string, string> Shapes => new()
    {
        { "class_in_global_namespace", "[Kernels.AttentionKernel(8, 2, 64)] partial class Spec;" },
        { "internal_sealed", "[Kernels.AttentionKernel(8, 2, 64)] internal sealed partial class Spec { }" },
        { "unsafe_modifier", "[Kernels.AttentionKernel(8, 2, 64)] public partial class Spec { }" },
        { "block_namespaces", "namespace A { namespace B.C { [Kernels.AttentionKernel(8, 2, 64)] partial class Spec; } }" },
        { "private_nested", "partial class Outer { [Kernels.AttentionKernel(8, 2, 64)] private partial class Spec; }" },
        { "in_interface", "partial interface IOuter { [Kernels.AttentionKernel(8, 2, 64)] partial class Spec; }" },
        { "in_struct", "readonly partial struct Outer { [Kernels.AttentionKernel(8, 2, 64)] public partial class Spec; }" },
        { "in_ref_struct", "ref partial struct Outer { [Kernels.AttentionKernel(8, 2, 64)] public partial class Spec; }" },
        { "in_record", "partial record Outer(int X) { [Kernels.AttentionKernel(8, 2, 64)] public partial class Spec; }" },
        { "in_record_struct",
            "readonly partial record struct Outer(int X) { [Kernels.AttentionKernel(8, 2, 64)] public partial class Spec; }" },
        { "in_static_class", "static partial class Outer { [Kernels.AttentionKernel(8, 2, 64)] public partial class Spec; }" },
        { "in_abstract_class", "abstract partial class Outer { [Kernels.AttentionKernel(8, 2, 64)] public partial class Spec; }" },
        { "two_in_one_type",
            "partial class Outer { [Kernels.AttentionKernel(8, 2, 64)] partial class A; [Kernels.AttentionKernel(8, 2, 80)] partial class "
                + "B; }" },
        { "keywords", "namespace @namespace.@int { partial class @class { [Kernels.AttentionKernel(8, 2, 64)] partial class @event; } }" },
        { "contextual_keywords",
            "namespace @file { partial class @record { [Kernels.AttentionKernel(8, 2, 64)] partial class @required; } }" },
        { "lower_case",
            "namespace models { [Kernels.AttentionKernel(8, 2, 64)] partial class @attention; partial class @layer { "
                + "[Kernels.AttentionKernel(8, 2, 64)] partial class @args; } }" },
        { "names_of_types",
            "[Kernels.AttentionKernel(8, 2, 64)] partial class @dynamic; [Kernels.AttentionKernel(8, 2, 64)] partial class @nint; "
                + "[Kernels.AttentionKernel(8, 2, 64)] partial class @var; [Kernels.AttentionKernel(8, 2, 64)] partial class @notnull;" },
        { "keywords_of_members",
            "[Kernels.AttentionKernel(8, 2, 64)] partial class @field; [Kernels.AttentionKernel(8, 2, 64)] partial class @value; "
                + "[Kernels.AttentionKernel(8, 2, 64)] partial class @scoped;" },
        { "too_long_for_a_file",
            $"[Kernels.AttentionKernel(8, 2, 64)] partial class {new string('注', 85)}; [Kernels.AttentionKernel(8, 2, 64)] partial class "
                + $"{new string('注', 84)}意; [Kernels.AttentionKernel(8, 2, 64)] partial class 意{new string('注', 84)};" },
        { "put_together_differently",
            "[Kernels.AttentionKernel(8, 2, 64)] partial class Caf\u00e9; [Kernels.AttentionKernel(8, 2, 64)] partial class Cafe\u0301;" },
        { "names_of_devices",
            "[Kernels.AttentionKernel(8, 2, 64)] partial class Con; namespace Aux { [Kernels.AttentionKernel(8, 2, 64)] partial class "
                + "Nul; }" },
        { "obsolete", "[System.Obsolete(\"old\", error: true), Kernels.AttentionKernel(8, 2, 64)] partial class Spec;" },
        { "experimental", "[System.Diagnostics.CodeAnalysis.Experimental(\"X1\"), Kernels.AttentionKernel(8, 2, 64)] partial class Spec;" },
        { "for_other_languages", "[assembly: System.CLSCompliant(true)] [Kernels.AttentionKernel(8, 2, 64)] public partial class Spec;" },
        { "other_letters", "namespace Größe { [Kernels.AttentionKernel(8, 2, 64)] partial class 注意; }" },
        { "names_of_namespaces",
            "using Att = Kernels.AttentionKernelAttribute;\nnamespace Mine.System { [Att(8, 2, 64)] partial class Kernels; }" },
        { "letters_differ_in_case",
            "[Kernels.AttentionKernel(8, 2, 64)] partial class Spec; [Kernels.AttentionKernel(8, 2, 64)] partial class SPEC; "
                + "[Kernels.AttentionKernel(8, 2, 64)] partial class Other;" },
        { "nested_like_a_namespace",
            "namespace A.B { [Kernels.AttentionKernel(8, 2, 64)] partial class C; } namespace A { partial class D { "
                + "[Kernels.AttentionKernel(8, 2, 64)] partial class C; } }" },
        { "base_class",
            "class Base { protected Base() { } public virtual int Size => 1; } [Kernels.AttentionKernel(8, 2, 64)] partial class Spec : "
                + "Base { public override int Size => QueryHeads; }" },
        { "abstract_base_class",
            "abstract class Base { public abstract int Size(); } [Kernels.AttentionKernel(8, 2, 64)] partial class Spec : Base { public "
                + "override int Size() => HeadDim; }" },
        { "generic_base_class", "class Base<T> { public T? Value; } [Kernels.AttentionKernel(8, 2, 64)] partial class Spec : Base<Spec>;" },
        { "base_class_with_private_clash",
            "class Base { private int HeadDim => 3; public int Get() => HeadDim; } [Kernels.AttentionKernel(8, 2, 64)] partial class Spec "
                + ": Base;" },
        { "interfaces",
            "interface INamed { string Name { get; } } [Kernels.AttentionKernel(8, 2, 64)] partial class Spec : INamed, "
                + "System.IDisposable { public string Name => Descriptor.Name; }" },
        { "members",
            "[Kernels.AttentionKernel(8, 2, 64)] partial class Spec { int mine; static int count; public int Hidden => QueryHeads * "
                + "HeadDim; class Nested; static Spec() { } public int this[int i] { get => mine + count + i; set => mine = value; } }" },
        { "partial_members",
            "[Kernels.AttentionKernel(8, 2, 64)] partial class Spec { partial void Note(); public partial int Twice(int x); } partial "
                + "class Spec { partial void Note() { } public partial int Twice(int x) => 2 * x; }" },
        { "attribute_on_the_second_part",
            "partial class Spec { int mine; } [Kernels.AttentionKernel(8, 2, 64)] partial class Spec { int Mine() => mine; }" },
        { "alias", "using Att = Kernels.AttentionKernelAttribute;\n[Att(8, 2, 64)] partial class Spec;" },
        { "other_attributes", "[System.Obsolete, Kernels.AttentionKernel(8, 2, 64)] [System.Serializable] partial class Spec;" },
        { "constants",
            "static class Model { public const int Heads = 32; public const double Scale = 1.0 / 8; } "
                + "[Kernels.AttentionKernel(Model.Heads, Model.Heads / 4, 2 * 64, Scale = Model.Scale)] partial class Spec;" },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task A_shape_that_works(string name, string source)
    {
        GeneratorRun run = new UserProgram(source).Run();
        int specs = source.Split("[Kernels.AttentionKernel(", StringSplitOptions.None).Length - 1
            + source.Split("[Att(", StringSplitOptions.None).Length - 1
            + source.Split(", Kernels.AttentionKernel(", StringSplitOptions.None).Length - 1;

        Assert.Null(run.Result.Exception);
        Assert.True(run.Sources.Count == 3 * specs, $"{name}: {string.Join(", ", run.Sources.Keys)}");
        Assert.Equal(3 * specs, run.Sources.Keys.Select(file => file.Normalize()).Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.All(run.Sources.Keys, file => Assert.InRange(System.Text.Encoding.UTF8.GetByteCount(file), 1, 128));
        Assert.Empty(await run.AnalyzeAsync());

        // Warnings on what the user wrote are the user's; in generated files there are none.
        Assert.DoesNotContain(run.CompilerDiagnostics, diagnostic =>
            diagnostic.Severity == DiagnosticSeverity.Error || diagnostic.Location.SourceTree?.FilePath.EndsWith(
                ".g.cs", StringComparison.Ordinal) == true);
        using LoadedProgram program = Load(run);
        Assert.Equal(specs, program.Assembly.GetTypes().Count(type => type.GetInterfaces().Any(i => i.Name == "IAttentionSpec`1")));
    }

    [Fact]
    public void Files_of_names_that_differ_in_case_are_told_apart_and_stay_so()
    {
        string[] alone = [.. new UserProgram("[Kernels.AttentionKernel(8, 2, 64)] partial class Spec;").Run().Sources.Keys];
        string[] together =
            [.. new UserProgram(
                "[Kernels.AttentionKernel(8, 2, 64)] partial class SPEC; [Kernels.AttentionKernel(8, 2, 64)] partial class Spec;")
                    .Run().Sources.Keys];
        string[] reversed =
            [.. new UserProgram(
                "[Kernels.AttentionKernel(8, 2, 64)] partial class Spec; [Kernels.AttentionKernel(8, 2, 64)] partial class SPEC;")
                    .Run().Sources.Keys];

        Assert.Equal(["Spec.Bindings.g.cs", "Spec.Kernels.g.cs", "Spec.Spec.g.cs"], alone);
        Assert.Equal(6, together.Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.Equal(together, reversed);
    }

    [Theory]
    [InlineData("[Kernels.AttentionKernel(8, 2, 64)] [Kernels.AttentionKernel(8, 8, 64)] partial class Spec;")]
    [InlineData("[Kernels.AttentionKernel(8, 2, 64), Kernels.AttentionKernel(8, 8, 64)] partial class Spec;")]
    [InlineData("[Kernels.AttentionKernel(8, 2, 64)] partial class Spec; [Kernels.AttentionKernel(8, 8, 64)] partial class Spec;")]
    public void Of_two_attributes_the_first_counts(string source)
    {
        GeneratorRun run = new UserProgram(source).Run();
        Assert.Null(run.Result.Exception);
        Assert.Equal(3, run.Sources.Count);
        Assert.Contains("KvHeads: 2,", run.Sources["Spec.Spec.g.cs"], StringComparison.Ordinal);
        Assert.Equal(
            ["CS0579"], run.CompilerDiagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)
                .Select(diagnostic => diagnostic.Id));
    }

    [Theory]
    [MemberData(nameof(Specs.Names), MemberType = typeof(Specs))]
    public void Exactly_the_members_that_are_emitted_are_reserved(string name)
    {
        Specs.Spec spec = Specs.All[name];
        GeneratorRun run = new UserProgram(spec.Source).Run();
        IEnumerable<string> before = Members(run.Input), after = Members(run.Output);

        // These come with options that not every spec has.
        string[] optional = ["Inputs", "ReferenceInputs", "CreateBlockMask"];
        Assert.Equal(
            TypeChecker.EmittedMembers.Except(optional).Order(StringComparer.Ordinal),
            after.Except(before).Except(optional).Order(StringComparer.Ordinal));

        IEnumerable<string> Members(Compilation compilation) => compilation.GetTypeByMetadataName(spec.TypeName)!.GetMembers()
            .Where(member => member.CanBeReferencedByName)
            .Select(member => member.Name)
            .Distinct();
    }

    [Theory]
    [MemberData(nameof(Specs.Names), MemberType = typeof(Specs))]
    public void Every_emitted_member_is_marked_as_generated_and_documented(string name)
    {
        Specs.Spec spec = Specs.All[name];
        GeneratorRun run = new UserProgram(spec.Source).Run();
        foreach (ISymbol member in run.Output.GetTypeByMetadataName(spec.TypeName)!.GetMembers()
            .Where(member => !member.IsImplicitlyDeclared))
        {
            // Accessors, and what the user wrote.
            if (member is IMethodSymbol { AssociatedSymbol: not null } || run.Input.SyntaxTrees.Contains(member.Locations[0].SourceTree!))
            {
                continue;
            }

            Assert.Contains("GeneratedCodeAttribute", member.GetAttributes().Select(attribute => attribute.AttributeClass!.Name));
            Assert.True(
                member.DeclaredAccessibility == Accessibility.Private || member.GetDocumentationCommentXml() is { Length: > 0 },
                $"{member} has no documentation.");
        }
    }

    private static LoadedProgram Load(GeneratorRun run)
    {
        using var image = new MemoryStream();
        Assert.True(run.Output.Emit(image).Success);
        image.Position = 0;
        return new LoadedProgram(image);
    }
}
