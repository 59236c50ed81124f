using System.Collections.Concurrent;
using System.Reflection;
using System.Text.RegularExpressions;

namespace Kernels.Compiler.Emit.Text;

/// <summary>
/// A file of kernel text, OpenCL C with directives and holes, from this assembly's resources. A line that begins with <c>//:</c> is a
/// directive: <c>section name</c>, <c>if condition</c>, <c>elif</c>, <c>else</c>, <c>end</c>, <c>for name in list</c>,
/// <c>include file(hole: text)</c> or <c>include file#section</c>, whose holes can go on in lines that begin with <c>//:</c> and
/// whose text has <c>\n</c> for a new line, <c>once file</c>, which stands once in a kernel, and <c># a note</c>, which is for readers of
/// the template.
/// </summary>
internal sealed class Template
{
    private const string Directive = "//:", MainSection = "";

    private static readonly ConcurrentDictionary<string, Template> Loaded = new(StringComparer.Ordinal);
    private static readonly Regex Call = new(
        @"^((?:[\w./]+|\$\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})(?:#\w+)?)\s*(?:\((.*)\))?$",
        RegexOptions.CultureInvariant);
    private static readonly Regex Argument = new(@"(?:^|,)\s*([a-z_]\w*):[ ]?", RegexOptions.CultureInvariant);
    private static readonly Regex Loop = new(@"^(\w+) in (\S+)$", RegexOptions.CultureInvariant);

    private readonly Dictionary<string, IReadOnlyList<TemplateNode>> sections = [];
    private readonly HashSet<string> names = [];
    private readonly List<string> included = [];
    private readonly string[] lines;
    private HashSet<string>? mentions;
    private int at;

    private Template(string file, string text)
    {
        File = file;
        text = text.Replace("\r\n", "\n");
        lines = (text.EndsWith("\n", StringComparison.Ordinal) ? text[..^1] : text).Split('\n');
        string section = MainSection;
        while (at < lines.Length)
        {
            // A section's text begins after its line; what stands before the first belongs to one without a name.
            sections.Add(section, Body(out string end, out string rest));
            if (at >= lines.Length && end.Length == 0)
            {
                break;
            }

            section = end == "section" ? rest : throw Error(at, $"'{end}' closes nothing");
        }
    }

    /// <summary>The file's name below the folder of kernels, without its ending, such as <c>Sm80/mma</c>.</summary>
    public string File { get; }

    /// <summary>The names that the file's text speaks of, and those of the files that it includes by name.</summary>
    public HashSet<string> Mentions => mentions ??= AllNames();

    /// <summary>The template of a name, as another speaks of it: in the same folder or below, from the top, or in <c>Common</c>.</summary>
    public static Template Load(string name, string? includedBy = null)
    {
        string folder = includedBy?[..Math.Max(0, includedBy.LastIndexOf('/'))] ?? "";
        foreach (string file in new[] { $"{folder}/{name}", name, $"Common/{name}" })
        {
            if (Loaded.TryGetValue(file, out Template? known))
            {
                return known;
            }

            using Stream? stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"Kernels/{file}.cl");
            if (stream is not null)
            {
                using var reader = new StreamReader(stream);
                return Loaded.GetOrAdd(file, new Template(file, reader.ReadToEnd()));
            }
        }

        throw new TemplateException(includedBy ?? name, 0, $"there is no kernel text '{name}'");
    }

    /// <summary>A template of a text; for tests.</summary>
    public static Template Of(string file, string text) => Loaded[file] = new Template(file, text);

    /// <summary>What stands in a section; all of a file without sections where the name is empty.</summary>
    public IReadOnlyList<TemplateNode> Section(string name) =>
        sections.TryGetValue(name, out IReadOnlyList<TemplateNode>? nodes)
            ? nodes
            : throw new TemplateException(File, 0, $"there is no section '{name}'");

    public TemplateException Error(int line, string message) => new(File, line, message);

    /// <summary>
    /// The nodes up to a directive that closes what they stand in: <c>end</c>, <c>else</c>, <c>elif</c>, <c>section</c>, or the end of the
    /// file.
    /// </summary>
    private List<TemplateNode> Body(out string end, out string rest)
    {
        var nodes = new List<TemplateNode>();
        while (at < lines.Length)
        {
            string line = lines[at++], trimmed = line.TrimStart();
            if (!trimmed.StartsWith(Directive, StringComparison.Ordinal))
            {
                nodes.Add(new TextNode(at, line[..(line.Length - trimmed.Length)], Parse(at, trimmed)));
                continue;
            }

            string indent = line[..(line.Length - trimmed.Length)], directive = trimmed[Directive.Length..].Trim();
            int number = at;
            while (Continues(directive) && at < lines.Length && lines[at].TrimStart().StartsWith(Directive, StringComparison.Ordinal))
            {
                directive += " " + lines[at++].TrimStart()[Directive.Length..].Trim();
            }

            int space = directive.IndexOf(' ');
            string word = space < 0 ? directive : directive[..space];
            rest = space < 0 ? "" : directive[(space + 1)..].Trim();
            switch (word)
            {
                case "#":
                    break;
                case "if":
                    nodes.Add(If(number, rest));
                    break;
                case "for":
                    nodes.Add(For(number, rest));
                    break;
                case "include":
                    nodes.Add(Include(number, indent, rest, isOnce: false));
                    break;
                case "once":
                    nodes.Add(Include(number, indent, rest, isOnce: true));
                    break;
                case "end" or "else" or "elif" or "section":
                    end = word;
                    return nodes;
                default:
                    throw Error(number, $"'{word}' is no directive");
            }
        }

        end = rest = "";
        return nodes;
    }

    private IfNode If(int line, string condition)
    {
        var branches = new List<(Condition, IReadOnlyList<TemplateNode>)>();
        while (true)
        {
            var parsed = new Condition(condition);
            names.UnionWith(parsed.Names);
            List<TemplateNode> body = Body(out string end, out string rest);
            branches.Add((parsed, body));
            switch (end)
            {
                case "end":
                    return new IfNode(line, branches);
                case "elif" when condition.Length > 0:
                    condition = rest;
                    break;
                case "else" when condition.Length > 0:
                    condition = "";
                    break;
                default:
                    throw Error(line, "this 'if' has no 'end'");
            }
        }
    }

    private ForNode For(int line, string head)
    {
        Match match = Loop.Match(head);
        if (!match.Success)
        {
            throw Error(line, "expected 'for name in list'");
        }

        string list = match.Groups[2].Value;
        names.UnionWith(list.Split(["..", "."], StringSplitOptions.RemoveEmptyEntries));
        List<TemplateNode> body = Body(out string end, out _);
        return end == "end" ? new ForNode(line, match.Groups[1].Value, list, body) : throw Error(line, "this 'for' has no 'end'");
    }

    private IncludeNode Include(int line, string indent, string call, bool isOnce)
    {
        Match match = Call.Match(call);
        if (!match.Success)
        {
            throw Error(line, "expected 'include name' or 'include name(hole: text, …)'");
        }

        var arguments = new List<(string, FilledText)>();
        if (match.Groups[2].Value is { Length: > 0 } text)
        {
            MatchCollection heads = Argument.Matches(text);
            for (int i = 0; i < heads.Count; i++)
            {
                int begin = heads[i].Index + heads[i].Length, end = i + 1 < heads.Count ? heads[i + 1].Index : text.Length;
                arguments.Add((heads[i].Groups[1].Value, Parse(line, text[begin..end].Replace("\\n", "\n"))));
            }

            if (arguments.Count == 0)
            {
                throw Error(line, "expected 'hole: text' between the parentheses");
            }
        }

        FilledText name = Parse(line, match.Groups[1].Value);
        if (name.Literal is { } literal)
        {
            included.Add(literal.Split('#')[0]);
        }

        return new IncludeNode(line, indent, name, arguments, isOnce);
    }

    /// <summary>Whether a directive goes on in the next line: an include whose parenthesis is open.</summary>
    private static bool Continues(string directive) =>
        (directive.StartsWith("include", StringComparison.Ordinal) || directive.StartsWith("once", StringComparison.Ordinal))
        && directive.Count(c => c == '(') > directive.Count(c => c == ')');

    private FilledText Parse(int line, string text)
    {
        var parsed = FilledText.Parse(text, message => Error(line, message));
        names.UnionWith(parsed.Names);
        return parsed;
    }

    private HashSet<string> AllNames()
    {
        var all = new HashSet<string>(names);
        foreach (Template template in included.Select(name => Load(name, File)).Where(template => template != this))
        {
            all.UnionWith(template.Mentions);
        }

        return all;
    }
}
