using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Xunit;

namespace Kernels.Decoding.Tests;

public sealed class JinjaTemplateTests
{
    // Slow machines and the debugger included; what has no bound takes much longer.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly JsonElement Cases = Read();
    private static readonly DateTime Now = Cases.GetProperty("now").GetDateTime();

    /// <summary>Templates with the text that Jinja2 gives.</summary>
    public static TheoryData<string, string> Texts
    {
        get
        {
            var rows = new TheoryData<string, string>();
            foreach (JsonElement row in Cases.GetProperty("texts").EnumerateArray())
            {
                rows.Add(row.GetProperty("template").GetString()!, row.GetProperty("text").GetString()!);
            }

            return rows;
        }
    }

    /// <summary>Templates that Jinja2 refuses.</summary>
    public static TheoryData<string> Refused => [.. Cases.GetProperty("refused").EnumerateArray().Select(row => row.GetString()!)];

    [Theory]
    [MemberData(nameof(Texts))]
    public void WritesWhatJinja2Writes(string template, string expected) => Assert.Equal(expected, Render(template));

    [Theory]
    [MemberData(nameof(Refused))]
    public void RefusesWhatJinja2Refuses(string template)
    {
        ChatTemplateException error = Assert.Throws<ChatTemplateException>(() => Render(template));
        Assert.Equal(1, error.Line);
        Assert.NotEmpty(error.Message);
    }

    [Theory]
    [InlineData("a\n{{ b }}\n{{ c.d }}", ChatTemplateFault.Value, 3, "line 3 of the chat template: 'c' is undefined")]
    [InlineData(
        "{% if yes %}\n{# a\n #}{{ 1 +\n 'x' }}{% endif %}", ChatTemplateFault.Value, 3,
        "line 3 of the chat template: '+' cannot be applied to values of the types int and str")]
    [InlineData(
        "{% macro m(x) %}\n{{ raise_exception('No ' ~ x) }}{% endmacro %}\n{{ m('tools') }}", ChatTemplateFault.Refused, 2, "No tools")]
    [InlineData("\n\n{% for x in xs %}", ChatTemplateFault.Syntax, 3, "line 3 of the chat template: 'endfor' or 'else' is missing")]
    [InlineData("\n{{ 'a\nb' c }}", ChatTemplateFault.Syntax, 3, "line 3 of the chat template: '}}' was expected, not 'c'")]
    [InlineData(
        "\n{{ range(10 ** 9) }}", ChatTemplateFault.Limit, 2,
        "line 2 of the chat template: a range has 1,000,000,000 numbers, of at most 100,000")]
    public void ErrorsSayTheLineAndWhatIsWrong(string template, ChatTemplateFault fault, int line, string message)
    {
        ChatTemplateException error = Assert.Throws<ChatTemplateException>(() => Render(template));
        Assert.Equal((fault, line, message), (error.Fault, error.Line, error.Message));
    }

    // Python's lists and mappings change by these; Jinja2's sandbox forbids it, other implementations do not.
    [Theory]
    [InlineData("{% set l = [1] %}{% set _ = l.append(2) %}{{ l }}{{ l.pop() }}{{ l.pop(0) }}{{ l }}", "[1, 2]21[]")]
    [InlineData(
        "{% set l = [3, 1] %}{% set _ = l.extend([2]) %}{% set _ = l.insert(0, 9) %}{% set _ = l.remove(1) %}{% set _ = l.reverse() %}{{ "
            + "l }}", "[2, 3, 9]")]
    [InlineData(
        "{% set d = {'a': 1} %}{% set _ = d.update({'b': 2}, c=3) %}{{ d.setdefault('a', 5) }}{{ d.pop('b') }}{{ d.pop('z', 7) }}{{ d }}",
        "127{'a': 1, 'c': 3}")]
    public void ListsAndMappingsCanChange(string template, string expected) => Assert.Equal(expected, Render(template));

    /// <summary>Templates without an end, or with one that is far away.</summary>
    public static TheoryData<string> Hostile =>
    [
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{{ a }}{% endfor %}{% endfor %}",
        "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(1000) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(1000) %}{% set ns.s = ns.s.replace('x', 'xxxxxxxx') %}{% endfor %}",
        "{% set ns = namespace(s='x,x') %}{% for i in range(1000) %}{% set ns.s = ns.s.join([ns.s, ns.s, ns.s]) %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(1000) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|tojson }}",
        "{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(100) %}{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}{% "
            + "endfor %}{{ ns.l == ns.m }}",
        "{% set ns = namespace(l=(1,)) %}{% for i in range(100) %}{% set ns.l = (ns.l, ns.l) %}{% endfor %}{{ {ns.l: 1} }}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(1000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
        "{% set l = [] %}{% set _ = l.append(l) %}{{ l }}", "{% set l = [] %}{% set _ = l.append(l) %}{{ l|tojson }}",
        "{% set l = [] %}{% set m = [] %}{% set _ = l.append(m) %}{% set _ = m.append(l) %}{{ l == m }}",
        "{% set l = [1] %}{% for x in range(100000) %}{% set _ = l.extend(l) %}{% endfor %}",
        "{{ 'a' * 10 ** 12 }}", "{{ 'ab' * 2 ** 62 }}", "{{ [0] * 10 ** 12 }}", "{{ '%1000000000d' % 1 }}", "{{ '%*d' % (2000000000, 1) }}",
        "{{ '{:2000000000}'.format(1) }}",
        "{{ '%.2000000000f' % 1 }}", "{{ 'x'|center(2000000000) }}", "{{ 'x'.ljust(2000000000) }}", "{{ 'x'.zfill(2000000000) }}",
        "{{ 'a\nb'|indent(2000000000) }}",
        "{{ {'a': 1}|tojson(indent=2000000000) }}", "{{ [1]|batch(2000000000, 0)|list }}", "{{ [1]|slice(2000000000)|list }}",
        "{{ 9 ** (9 ** 9) }}", "{% set ns = namespace(n=9) %}{% for i in range(100000) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
        "{{ range(2 ** 40) }}", "{{ range(0, -(2 ** 40), -1) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(f) %}{{ f(f) }}{% endmacro %}{{ m(m) }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% macro m() %}{{ caller() }}{% endmacro %}{% macro n() %}{% call m() %}{{ n() }}{% endcall %}{% endmacro %}{{ n() }}",
        "{% set s = 'x' * 1000000 %}{% for i in range(100000) %}{% if 'y' in s %}{% endif %}{% endfor %}",
        "{% set s = 'x' * 1000000 %}{% for i in range(100000) %}{% if s|length == 3 %}{% endif %}{% endfor %}",
        "{% set s = 'x' * 1000000 %}{% for i in range(100000) %}{% set t = s[::-1] %}{% endfor %}",
        "{% set s = 'x' * 1000000 %}{% for i in range(100000) %}{% set t = s.split('x') %}{% endfor %}",
        "{% set s = 'x' * 1000000 %}{% for i in range(100000) %}{% set t = s|upper|lower|title %}{% endfor %}",
        "{% set s = 'x' * 1000000 %}{% for i in range(100000) %}{% if s == s ~ '' %}{% endif %}{% endfor %}",
        "{% set l = range(100000)|list %}{% for i in l %}{% if i not in l or -1 in l %}{% endif %}{% endfor %}",
        "{% set l = range(100000)|list %}{% for i in l %}{% set t = l|sort|unique|map('string')|join %}{% endfor %}",
        "{% set l = range(100000)|list %}{% for i in l %}{% set t = l[1:] %}{% endfor %}",
        "{% set l = range(100000)|list %}{% for i in l %}{% for j in l if j < 0 %}{% endfor %}{% endfor %}",
        "{% set l = range(100000)|list %}{{ l|map('string')|map('center', 100000)|join }}",
        "{% set l = range(90000)|list %}{% for i in l %}{% set t = l.insert(0, 1) %}{% endfor %}{% for i in l %}{{ l.index(-1) if -1 in l "
            + "}}{% endfor %}",
    ];

    [Theory]
    [MemberData(nameof(Hostile))]
    public void WhatHasNoEndIsEnded(string template)
    {
        long begin = Stopwatch.GetTimestamp();
        long before = GC.GetTotalAllocatedBytes();
        ChatTemplateException error = Assert.Throws<ChatTemplateException>(() => Render(template));

        Assert.True(error.Fault is ChatTemplateFault.Limit or ChatTemplateFault.Value, error.Message);
        Assert.True(Stopwatch.GetElapsedTime(begin) < Patience, $"It took {Stopwatch.GetElapsedTime(begin)}.");
        Assert.True(GC.GetTotalAllocatedBytes() - before < 8L << 30, "It took too much memory.");
    }

    [Theory]
    [InlineData("{{ ", "(", "x", ")", " }}")]
    [InlineData("{{ ", "[", "", "]", " }}")]
    [InlineData("{{ ", "{1:", "x", "}", " }}")]
    [InlineData("{{ ", "not ", "x", "", " }}")]
    [InlineData("{{ ", "-", "1", "", " }}")]
    [InlineData("{{ x", ".x", "", "", " }}")]
    [InlineData("{{ x", "[0]", "", "", " }}")]
    [InlineData("{{ x", "['a':]", "", "", " }}")]
    [InlineData("{{ x", "()", "", "", " }}")]
    [InlineData("{{ x", "|trim", "", "", " }}")]
    [InlineData("{{ 1", "+1", "", "", " }}")]
    [InlineData("{{ 1", " or 0", "", "", " }}")]
    [InlineData("{{ 0", " if 0 else 0", "", "", " }}")]
    [InlineData("{{ 0", " if 0", "", "", " }}")]
    [InlineData("{{ ", "f(", "x", ")", " }}")]
    [InlineData("", "{% if x %}", "", "{% endif %}", "")]
    [InlineData("", "{% for x in y %}", "", "{% endfor %}", "")]
    [InlineData("", "{% macro f() %}", "", "{% endmacro %}", "")]
    [InlineData("", "{% filter trim %}", "", "{% endfilter %}", "")]
    [InlineData("{% for ", "(", "x", ")", " in y %}{% endfor %}")]
    public void DeepNestingIsRefusedOrWritten(string begin, string open, string middle, string close, string end)
    {
        foreach (int depth in (int[])[50, 1000, 100_000])
        {
            string template = new StringBuilder(begin).Insert(begin.Length, open, depth).Append(middle)
                .Insert(begin.Length + (open.Length * depth) + middle.Length, close, depth).Append(end).ToString();
            long start = Stopwatch.GetTimestamp();
            Exception? error = Record.Exception(() => Render(template));

            Assert.True(error is null or ChatTemplateException, $"{depth}: {error}");
            Assert.True(Stopwatch.GetElapsedTime(start) < Patience, $"It took {Stopwatch.GetElapsedTime(start)}.");
        }
    }

    [Fact]
    public void LongTemplatesAreReadInTimeInProportion()
    {
        string[] pieces =
        [
            "{{ x }}", "{{", "{%", "{#", "{", "{% raw %}", "{% if ", "'", "a ", "\n", "  ", "{% raw %}{% ", "{# #", "1", "1_", "{{ 'a' ",
            "{% set x = 1 %}", "{% elif ", "%}", "\\", "{% raw %}{%- endra",
        ];
        foreach (string piece in pieces)
        {
            string template = new StringBuilder().Insert(0, piece, 500_000 / piece.Length).ToString();
            foreach (string text in (string[])[template, "{{ " + template, "{{ '" + template, "{% raw %}" + template,
                "{{ 'a'" + template + "}}"])
            {
                long start = Stopwatch.GetTimestamp();
                Exception? error = Record.Exception(() => Render(text));
                Assert.True(error is null or ChatTemplateException, error?.ToString());
                Assert.True(Stopwatch.GetElapsedTime(start) < Patience, $"{piece} took {Stopwatch.GetElapsedTime(start)}.");
            }
        }
    }

    [Fact]
    public void BrokenTemplatesGiveNamedErrors()
    {
        const string Alphabet = "{}%#-+()[]|.,:='\"\\~*/ \n\0é\ud83d\ude42abcx019_";
        var random = new Random(20260804);
        string[] sources =
        [
            .. Cases.GetProperty("texts").EnumerateArray().Select(row => row.GetProperty("template").GetString()!),
            .. Cases.GetProperty("refused").EnumerateArray().Select(row => row.GetString()!),
        ];
        int written = 0;
        int refused = 0;
        for (int i = 0; i < 20_000; i++)
        {
            var text = new StringBuilder(sources[random.Next(sources.Length)]);
            for (int edits = random.Next(1, 4); edits > 0 && text.Length > 0; edits--)
            {
                int at = random.Next(text.Length);
                switch (random.Next(4))
                {
                    case 0:
                        text.Remove(at, Math.Min(random.Next(1, 8), text.Length - at));
                        break;
                    case 1:
                        text.Insert(at, Alphabet[random.Next(Alphabet.Length)]);
                        break;
                    case 2:
                        string other = sources[random.Next(sources.Length)];
                        int from = random.Next(other.Length);
                        text.Insert(at, other.AsSpan(from, Math.Min(random.Next(1, 30), other.Length - from)));
                        break;
                    default:
                        text[at] = Alphabet[random.Next(Alphabet.Length)];
                        break;
                }
            }

            try
            {
                Render(text.ToString());
                written++;
            }
            catch (ChatTemplateException)
            {
                refused++;
            }
            catch (Exception e)
            {
                Assert.Fail($"{text}\n{e}");
            }
        }

        Assert.True(written > 1000 && refused > 1000, $"{written} were written and {refused} refused.");
    }

    [Fact]
    public void LongChatsAreWithinTheBounds()
    {
        string variables = $$"""{"messages":[{{string.Join(',', Enumerable.Range(0, 4000).Select(i => $$"""{"role":"user","content":"Message {{i}} says hello."}"""))}}]}""";
        using JsonDocument document = JsonDocument.Parse(variables);
        var template = new JinjaTemplate(
            "{% for m in messages %}{% if loop.first or messages[loop.index0 - 1].role == m.role %}{{ '<' ~ m.role ~ '>' ~ m.content | "
                + "trim ~ '\n' }}{% endif %}{% endfor %}{{ messages[1:] | length }}");
        string text = template.Render(document.RootElement, Now);

        Assert.StartsWith("<user>Message 0 says hello.\n<user>Message 1", text, StringComparison.Ordinal);
        Assert.EndsWith("<user>Message 3999 says hello.\n3999", text, StringComparison.Ordinal);
    }

    private static string Render(string template) => new JinjaTemplate(template).Render(Cases.GetProperty("variables"), Now);

    private static JsonElement Read()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data", "jinja.json")));
        return document.RootElement.Clone();
    }
}
