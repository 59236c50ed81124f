using Kernels.CodeFixes;
using Kernels.Compiler.Specs;
using Kernels.Generators.Diagnostics;
using Kernels.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;

namespace Kernels.Generators.Tests;

/// <summary>What an editor offers for a finding, and what becomes of the program.</summary>
public sealed class CodeFixTests
{
    /// <summary>The action's title, the program before, and after.</summary>
    public static TheoryData<string, string, string> Fixes => new FixTable
    {
        { MakePartial, "[AttentionKernel(8, 2, 64)] class Spec;", "[AttentionKernel(8, 2, 64)] partial class Spec;" },
        {
            MakePartial,
            """
            /// <summary>Documented.</summary>
            [AttentionKernel(8, 2, 64)]
            public sealed /* sealed */ class Spec // the end
            {
            }
            """,
            """
            /// <summary>Documented.</summary>
            [AttentionKernel(8, 2, 64)]
            public sealed /* sealed */ partial class Spec // the end
            {
            }
            """
        },
        {
            MakePartial,
            """
            // A model.
            static class Model
            {
                // A layer.
                record struct Layer
                {
                    [AttentionKernel(8, 2, 64)]
                    class Spec;
                }
            }
            """,
            """
            // A model.
            static partial class Model
            {
                // A layer.
                partial record struct Layer
                {
                    [AttentionKernel(8, 2, 64)]
                    partial class Spec;
                }
            }
            """
        },
        {
            MakePartial,
            """
            // A model.
            class Model
            {
                [AttentionKernel(8, 2, 64)] partial class Spec;
            }
            """,
            """
            // A model.
            partial class Model
            {
                [AttentionKernel(8, 2, 64)] partial class Spec;
            }
            """
        },
        { "Remove 'static'", "[AttentionKernel(8, 2, 64)] public static partial class Spec;",
            "[AttentionKernel(8, 2, 64)] public partial class Spec;" },
        { "Remove 'abstract'", "[AttentionKernel(8, 2, 64)]\n// Why.\nabstract partial class Spec;",
            "[AttentionKernel(8, 2, 64)]\n// Why.\npartial class Spec;" },
        { "Remove 'file'", "[AttentionKernel(8, 2, 64)] file partial class Spec;", "[AttentionKernel(8, 2, 64)] partial class Spec;" },
        { "Remove 'static'",
            "[AttentionKernel(8, 2, 64)] partial class Other; [AttentionKernel(8, 2, 64)]\nunsafe static partial class Spec;",
            "[AttentionKernel(8, 2, 64)] partial class Other; [AttentionKernel(8, 2, 64)]\nunsafe partial class Spec;" },
        { "Remove 'file'", "/* 1 */ file partial class Outer { [AttentionKernel(8, 2, 64)] public partial class Spec; }",
            "/* 1 */ partial class Outer { [AttentionKernel(8, 2, 64)] public partial class Spec; }" },
        Option("Set queryHeads to 1", "0, 1, 64", "1, 1, 64"),
        Option(
            "Set queryHeads to 1024", "headDim: 64, queryHeads: /* many */ 4096 /* heads */, kvHeads: 1",
            "headDim: 64, queryHeads: /* many */ 1024 /* heads */, kvHeads: 1"),
        Option("Set kvHeads to 1", "8, 0, 64", "8, 1, 64"),
        Option("Set kvHeads to 4", "32, 6, 64", "32, 4, 64"),
        Option("Set kvHeads to 8", "32, kvHeads: 6, headDim: 64", "32, kvHeads: 8, headDim: 64"),
        Option("Set kvHeads to 8", "8, 16, 64", "8, 8, 64"),
        Option("Set queryHeads to 16 and set kvHeads to 8", "8, 16, 64", "16, 8, 64"),
        Option("Set headDim to 576", "8, 2, 4 * 256", "8, 2, 576"),
        Option(
            "Set RotaryDim to 64", "8, 2, 64, Rope = RopeStyle.HalfSplit, RotaryDim = 66",
            "8, 2, 64, Rope = RopeStyle.HalfSplit, RotaryDim = 64"),
        Option("Leave RotaryDim out", "8, 2, 64, RotaryDim = 32", "8, 2, 64"),
        Option(
            "Set ValueDim to 80", "8, 1, 80, LatentCache = true, Scale = 0.2", "8, 1, 80, LatentCache = true, Scale = 0.2, ValueDim = 80"),
        Option("Leave LatentCache out", "8, 1, 80, ValueDim = 64, LatentCache = true", "8, 1, 80, ValueDim = 64"),
        Option(
            "Leave CacheStorage out", "8, 1, 80, ValueDim = 64, LatentCache = true, Scale = 0.2, CacheStorage = ElementType.Int8",
            "8, 1, 80, ValueDim = 64, LatentCache = true, Scale = 0.2"),
        Option("Leave ValueDim out", "8, 2, 64, ValueDim = 1000", "8, 2, 64"),
        Option("Leave ValueDim out", "8, 2, 64, ValueDim = 64, Scale = 0.5", "8, 2, 64, Scale = 0.5"),
        Option("Leave Scale out", "8, 2, 64, Scale = -1", "8, 2, 64"),
        Option("Set Mask to AttentionMask.Causal", "8, 2, 64, Mask = (AttentionMask)9", "8, 2, 64, Mask = AttentionMask.Causal"),
        Option("Leave Mask out", "8, 2, 64, Mask = (AttentionMask)9", "8, 2, 64"),
        Option("Set QueryTile to 64", "8, 2, 32, QueryTile = 100", "8, 2, 32, QueryTile = 64"),
        Option("Leave KeyTile out", "8, 2, 64, KeyTile = 3", "8, 2, 64"),
        Option("Set KeyTile to 128", "8, 2, 64, QueryTile = 16, KeyTile = 256", "8, 2, 64, QueryTile = 16, KeyTile = 128"),
        Option("Leave KeyTile out", "8, 2, 64, QueryTile = 16, KeyTile = 256", "8, 2, 64, QueryTile = 16"),
        Option("Leave KeyTile out and leave QueryTile out", "8, 2, 256, QueryTile = 128, KeyTile = 256", "8, 2, 256"),
        Option("Leave WindowLeft out", "8, 2, 64, WindowLeft = -5", "8, 2, 64"),
        Option("Leave Softcap out", "8, 2, 64, Softcap = -5", "8, 2, 64"),
        Option("Leave PageSize out", "8, 2, 64, PageSize = 1000, WindowLeft = 4", "8, 2, 64, WindowLeft = 4"),
        Option("Set Storage to ElementType.Float16 and set CacheStorage to ElementType.Int8",
            "8, 2, 64, Storage = ElementType.Int8", "8, 2, 64, Storage = ElementType.Float16, CacheStorage = ElementType.Int8"),
        Option(
            "Set CacheStorage to ElementType.Int8", "8, 2, 72, CacheStorage = ElementType.Int4",
            "8, 2, 72, CacheStorage = ElementType.Int8"),
        Option("Set headDim to 80", "8, 2, 72, CacheStorage = ElementType.Int4", "8, 2, 80, CacheStorage = ElementType.Int4"),
        Option(
            "Leave CacheStorage out", "8, 2, 64, Storage = ElementType.Float16, CacheStorage = ElementType.Float32",
            "8, 2, 64, Storage = ElementType.Float16"),
        Option(
            "Leave CacheStorage out", "8, 2, 64, CacheStorage = ElementType.Float16, Storage = ElementType.BFloat16",
            "8, 2, 64, Storage = ElementType.BFloat16"),
        Option("Leave Layout out", "8, 1, 64, Layout = KvLayout.Nhd", "8, 1, 64"),
        Option("Leave WindowRight out", "8, 2, 64, Mask = AttentionMask.Causal, WindowRight = 3", "8, 2, 64, Mask = AttentionMask.Causal"),
        Option("Leave ValueDim out",
            """

                queryHeads: 8, // many
                kvHeads: 2, // few
                headDim: 64, // wide
                ValueDim = 64
            """,
            """

                queryHeads: 8, // many
                kvHeads: 2, // few
                headDim: 64 // wide

            """),
        Option("Leave ValueDim out",
            """
            8, 2, 64,
                ValueDim = 64, // as wide
                Mask = AttentionMask.Causal
            """,
            """
            8, 2, 64,
                Mask = AttentionMask.Causal
            """),
    };

    private const string MakePartial = "Make the type and those around it partial";

    [Theory]
    [MemberData(nameof(Fixes))]
    public async Task A_fix_changes_what_it_says(string title, string before, string after)
    {
        Editor editor = await Editor.OpenAsync("using Kernels;\n" + before);
        Assert.Equal("using Kernels;\n" + after, await (await editor.ApplyAsync(title)).TextAsync());
    }

    [Theory]
    [MemberData(nameof(Fixes))]
    public async Task After_a_fix_its_finding_is_gone_and_no_error_is_new(string title, string before, string after)
    {
        _ = after;
        Editor editor = await Editor.OpenAsync("using Kernels;\n" + before);
        string id = (await editor.ActionsAsync()).Last(action => action.Action.Title == title).Diagnostic.Id;
        Editor mended = await editor.ApplyAsync(title);

        IEnumerable<string> remaining = mended.Findings.Where(finding => finding.Severity == DiagnosticSeverity.Error)
            .Select(finding => finding.Id);
        Assert.DoesNotContain(id, mended.Findings.Select(finding => finding.Id));
        Assert.Subset(editor.Findings.Select(finding => finding.Id).ToHashSet(), remaining.ToHashSet());
    }

    [Fact]
    public async Task Names_are_as_long_as_the_file_needs_them()
    {
        Editor editor = await Editor.OpenAsync("[Kernels.AttentionKernel(8, 2, 64, Mask = (Kernels.AttentionMask)9)] partial class Spec;");
        Assert.Equal(
            "[Kernels.AttentionKernel(8, 2, 64, Mask = Kernels.AttentionMask.Causal)] partial class Spec;",
            await (await editor.ApplyAsync("Set Mask to AttentionMask.Causal")).TextAsync());
    }

    [Fact]
    public async Task Each_suggestion_of_a_finding_is_an_action_of_its_own()
    {
        Editor editor = await Editor.OpenAsync("using Kernels; [AttentionKernel(32, 6, 64, KeyTile = 100)] class Spec;");
        Assert.Equal(
            ["Leave KeyTile out", MakePartial, "Set KeyTile to 64", "Set kvHeads to 4", "Set kvHeads to 8"],
            (await editor.ActionsAsync()).Select(found => found.Action.Title).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("[AttentionKernel(8, 2, 64)] partial struct Spec;")]
    [InlineData("[AttentionKernel(8, 2, 64)] partial class Spec<T>;")]
    [InlineData("[AttentionKernel(8, 2, 64)] partial class Spec { int HeadDim; }")]
    [InlineData("[AttentionKernel(8, 2, 64)] partial class Decode;")]
    public async Task Nothing_is_offered_where_nothing_is_obvious(string source)
    {
        Editor editor = await Editor.OpenAsync("using Kernels;\n" + source);
        Assert.Single(editor.Findings);
        Assert.Empty(await editor.ActionsAsync());
    }

    [Fact]
    public async Task All_types_of_a_solution_can_be_made_partial_at_once()
    {
        Editor editor = await Editor.OpenAsync(
            "using Kernels; class Outer { [AttentionKernel(8, 2, 64)] class First; [AttentionKernel(8, 2, 64)] class Second; }",
            "using Kernels; [AttentionKernel(8, 2, 64)] class Third;");
        Editor mended = await editor.ApplyToAllAsync("KA0001", MakePartial);
        Assert.Equal(
            "using Kernels; partial class Outer { [AttentionKernel(8, 2, 64)] partial class First; [AttentionKernel(8, 2, 64)] partial "
                + "class Second; }",
            await mended.TextAsync());
        Assert.Equal("using Kernels; [AttentionKernel(8, 2, 64)] partial class Third;", await mended.TextAsync(1));
        Assert.Empty(mended.Findings);
    }

    [Fact]
    public async Task Fixing_all_gives_each_option_what_suits_it()
    {
        Editor editor = await Editor.OpenAsync("""
            using Kernels;
            [AttentionKernel(32, 6, 64)] partial class First;
            [AttentionKernel(12, 5, 64)] partial class Second;
            [AttentionKernel(32, 8, 64)] partial class Third;
            """);
        Assert.Equal("""
            using Kernels;
            [AttentionKernel(32, 4, 64)] partial class First;
            [AttentionKernel(12, 4, 64)] partial class Second;
            [AttentionKernel(32, 8, 64)] partial class Third;
            """, await (await editor.ApplyToAllAsync("KA0103", "Set kvHeads to 4")).TextAsync());
    }

    [Fact]
    public async Task Fixing_all_changes_several_options_of_one_attribute()
    {
        Editor editor = await Editor.OpenAsync(
            "using Kernels; [AttentionKernel(8, 2, 64, QueryTile = 5, KeyTile = 9, ValueDim = 64)] partial class Spec;");
        Assert.Equal(
            "using Kernels; [AttentionKernel(8, 2, 64, ValueDim = 64)] partial class Spec;",
            await (await editor.ApplyToAllAsync("KA0108", "Leave KeyTile out")).TextAsync());
    }

    [Fact]
    public void Every_rule_with_a_fix_is_in_the_table_and_is_registered()
    {
        var provider = new AttentionSpecCodeFixProvider();
        Assert.Equal(
            provider.FixableDiagnosticIds.Order(StringComparer.Ordinal),
            SpecRules.All.Concat([TypeRules.NotPartial, TypeRules.ContainerNotPartial, TypeRules.WrongKind]).Select(rule => rule.Id)
                .Order(StringComparer.Ordinal));
        Assert.NotNull(provider.GetFixAllProvider());
    }

    [Fact]
    public async Task Every_fixable_rule_has_a_case_in_the_table()
    {
        var fixedIds = new SortedSet<string>(StringComparer.Ordinal);
        foreach (object[] row in Fixes)
        {
            Editor editor = await Editor.OpenAsync("using Kernels;\n" + (string)row[1]);
            fixedIds.UnionWith(
                (await editor.ActionsAsync()).Where(found => found.Action.Title == (string)row[0]).Select(found => found.Diagnostic.Id));
        }

        Assert.Equal(new AttentionSpecCodeFixProvider().FixableDiagnosticIds.Order(StringComparer.Ordinal), fixedIds);
    }

    [Fact]
    public void Fixes_survive_their_way_as_text()
    {
        SpecFix[] fixes =
        [
            SpecFix.Set("kvHeads", "4"), SpecFix.LeaveOut("Scale"), SpecFix.LeaveOut("QueryTile", "KeyTile"),
            SpecFix.Set("Mask", "AttentionMask.Causal"),
        ];
        Assert.Equal(fixes, fixes.Select(fix => SpecFix.Parse(fix.Serialize())));
    }

    private static (string Title, string Before, string After) Option(string title, string before, string after) =>
        (title, Attribute(before), Attribute(after));

    private static string Attribute(string arguments) => $"[AttentionKernel({arguments})] partial class Spec;";

    private sealed class FixTable : TheoryData<string, string, string>
    {
        public void Add((string Title, string Before, string After) fix) => Add(fix.Title, fix.Before, fix.After);
    }
}
