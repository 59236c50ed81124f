using Kernels.Compiler.Emit.Text;

namespace Kernels.Compiler.Tests;

/// <summary>The templates of kernel text: what directives and holes become, and that what does not fit is refused.</summary>
public sealed class KernelTextTests
{
    private static int count;

    [Fact]
    public void HolesTakeTextNumbersAndFunctions() => Assert.Equal(
        "int x = 4 + f(a, (b, c));",
        Render(
            "int x = ${four} + ${call(a, (b, c))};", new()
            {
                { "four", 4 },
                { "call", arguments => $"f({string.Join(", ", arguments)})" },
            }));

    [Fact]
    public void AFunctionsArgumentHasHoles() => Assert.Equal(
        "<<x>>", Render("${f(${f(${x})})}", new() { { "x", "x" }, { "f", arguments => $"<{arguments[0]}>" } }));

    [Theory]
    [InlineData(true, false, "a")]
    [InlineData(false, true, "b")]
    [InlineData(false, false, "c")]
    public void TheFirstBranchThatHolds(bool a, bool b, string expected) => Assert.Equal(
        expected, Render("//: if a\na\n//: elif !a and b\nb\n//: else\nc\n//: end", new() { { "a", a }, { "b", b } }));

    [Fact]
    public void AndBindsCloserThanOr() => Assert.Equal(
        "yes", Render("//: if a or b and c\nyes\n//: end", new() { { "a", true }, { "b", false }, { "c", false } }));

    [Fact]
    public void LoopsGoThroughListsAndNumbers() => Assert.Equal(
        "a.0 a.1\nb.0 b.1\n0\n1",
        Render("//: for x in list\n${x.name}.0 ${x.name}.1\n//: end\n//: for i in 0..two\n${i}\n//: end", new()
        {
            { "list", new[] { new Holes { { "name", "a" } }, new Holes { { "name", "b" } } } },
            { "two", 2 },
        }));

    [Fact]
    public void AnIncludeHasItsIndentAndItsHoles()
    {
        Template.Of("Test/inner", "if (${x})\n{\n    #pragma unroll\n    ${y};\n#endif\n}\n");
        Assert.Equal(
            "    if (a, b)\n    {\n        #pragma unroll\n        1;\n#endif\n    }",
            Render("    //: include Test/inner(x: a, b, y: ${one})", new() { { "one", 1 } }));
        Assert.Equal(
            "if (1)\n{\n    #pragma unroll\n    a;\n    b;\n#endif\n}",
            Render("//: include Test/inner(\n//:     x: ${one},\n//:     y: a;\\nb)", new() { { "one", 1 } }));
    }

    [Fact]
    public void ALineOfOneHoleTakesItsIndentToEachLineAndGoesWhereItIsEmpty() => Assert.Equal(
        "{\n    a\n\n    b\n}", Render("{\n    ${lines}\n    ${none}\n}", new() { { "lines", "a\n\nb" }, { "none", "" } }));

    [Fact]
    public void EmptyLinesDoNotDouble() => Assert.Equal(
        "{\n    a\n\n    b\n}", Render("\n{\n\n    a\n\n//: if none\n    c\n//: end\n\n    b\n}", new() { { "none", "" } }));

    [Fact]
    public void AFunctionStandsOnceInAKernel()
    {
        Template.Of("Test/function", "int f();\n");
        Template.Of("Test/other", "int ${name}();\n");
        Assert.Equal(
            "int f();\n\nint g();\n\n;",
            Render("//: once Test/function\n//: once Test/other(name: f)\n//: once Test/other(name: ${g})\n;", new() { { "g", "g" } }));
    }

    [Fact]
    public void AnIncludesNameHasHolesAndMayBeEmpty()
    {
        Template.Of("Test/step_4", "4 ${step.by};\n");
        Assert.Equal(
            "4 a;\n4 a;\n\n;",
            Render("//: include ${step.name}\n//: once ${step_of(${four})}\n//: include ${none}\n//: once ${none}(by: 2)\n;", new()
            {
                { "step", new Holes { { "name", "Test/step_4" }, { "by", "a" } } },
                { "step_of", arguments => $"Test/step_{arguments[0]}" },
                { "four", 4 },
                { "none", "" },
            }));
    }

    [Fact]
    public void SectionsAreApart()
    {
        Template.Of("Test/sections", "//: # a note\n//: section one\n1\n//: section two\n2 ${x}\n");
        Assert.Equal("1", new KernelText().Render("Test/sections", [], "one"));
        Assert.Equal("2 3", new KernelText().Render("Test/sections", new() { { "x", 3 } }, "two"));
        Assert.Equal("2 3", Render("//: include Test/sections#two", new() { { "x", 3 } }));
    }

    [Fact]
    public void ATemplateIncludesItsOwnSections()
    {
        Template.Of("Test/own", "//: section loop\n{\n    //: include own#body(x: 1)\n}\n//: section body\n${x};\n");
        Assert.Equal("{\n    1;\n}", new KernelText().Render("Test/own", [], "loop"));
    }

    [Theory]
    [InlineData("${missing}", "nothing fills the hole 'missing'")]
    [InlineData("//: if missing\n//: end", "'missing' is no condition")]
    [InlineData("//: for x in missing\n//: end", "'missing' is no list")]
    [InlineData("//: if known\nx", "this 'if' has no 'end'")]
    [InlineData("x\n//: end", "'end' closes nothing")]
    [InlineData("//: wrong", "'wrong' is no directive")]
    [InlineData("//: include nowhere", "there is no kernel text 'nowhere'")]
    [InlineData("${known(1)}", "'known(1)' is not how 'known' is used")]
    [InlineData("${known", "this hole has no end")]
    [InlineData("text", "no text has the hole 'known'")]
    public void WhatDoesNotFitIsRefused(string template, string message)
    {
        var exception = Assert.Throws<TemplateException>(() => Render(template, new() { { "known", "text" } }));
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SharedHolesNeedNotBeUsed() =>
        Assert.Equal("1", Render("${one}", new(new Holes(isShared: true) { { "unused", 2 } }) { { "one", 1 } }));

    private static string Render(string template, Holes holes)
    {
        string name = $"Test/{Interlocked.Increment(ref count)}";
        Template.Of(name, template);
        return new KernelText().Render(name, holes);
    }
}
