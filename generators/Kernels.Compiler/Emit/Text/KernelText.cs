using System.Globalization;
using System.Text;

namespace Kernels.Compiler.Emit.Text;

/// <summary>
/// Renders templates into a kernel's text. A hole that nothing fills, and one that no template speaks of, are faults. A line that is
/// nothing but a hole takes its indentation to every line of the hole's text, and is left out where that is empty. A
/// preprocessor line that begins at the margin stays there, but for a pragma, which stands with what it is of. An empty line after
/// another or after an opening brace is left out, so that one can stand between steps that may have no text.
/// </summary>
internal sealed class KernelText
{
    private readonly HashSet<string> once = [];

    /// <summary>The text of a section of a template.</summary>
    /// <param name="name">The template's name, such as <c>Sm80/mma</c>.</param>
    /// <param name="holes">What its holes take; those around them need not all be used.</param>
    /// <param name="section">The section; empty for a template without sections.</param>
    public string Render(string name, Holes holes, string section = "")
    {
        Template template = Template.Load(name);
        var rendering = new Rendering(this, template);
        rendering.Add(template.Section(section), holes, "");
        string? unused = holes.Own.FirstOrDefault(hole => !rendering.Rendered.Any(part => part.Mentions.Contains(hole)));
        return unused is null ? rendering.ToString() : throw template.Error(0, $"no text has the hole '{unused}'");
    }

    /// <summary>Whether a function's text is new in this kernel; then it counts as being there.</summary>
    public bool IsFirst(string function) => function.Length > 0 && once.Add(function);

    private sealed class Rendering
    {
        private readonly KernelText kernel;
        private readonly StringBuilder text = new();
        private Template template;

        public Rendering(KernelText kernel, Template template)
        {
            this.kernel = kernel;
            this.template = template;
            Rendered.Add(template);
        }

        /// <summary>The templates that had a part in it.</summary>
        public HashSet<Template> Rendered { get; } = [];

        /// <summary>What was rendered, without the last line's end.</summary>
        public override string ToString() => text.Length == 0 ? "" : text.ToString(0, text.Length - 1);

        public void Add(IReadOnlyList<TemplateNode> nodes, Holes holes, string indent)
        {
            foreach (TemplateNode node in nodes)
            {
                switch (node)
                {
                    case TextNode line:
                        AddLine(line, holes, indent);
                        break;
                    case IfNode choice:
                        IReadOnlyList<TemplateNode>? taken = choice.Branches.FirstOrDefault(
                            branch => branch.Condition.Holds(name => IsTrue(name, holes, choice.Line))).Body;
                        Add(taken ?? [], holes, indent);
                        break;
                    case ForNode loop:
                        foreach (object item in List(loop, holes))
                        {
                            Add(loop.Body, holes.With(loop.Name, item), indent);
                        }

                        break;
                    case IncludeNode include:
                        Include(include, holes, indent);
                        break;
                }
            }
        }

        private void Include(IncludeNode include, Holes holes, string indent)
        {
            string[] name = Fill(include.Name, holes, include.Line).Split('#');
            if (name[0].Length == 0)
            {
                return;
            }

            Holes inner = include.Arguments.Count == 0 ? holes : new Holes(holes);
            foreach ((string hole, FilledText argument) in include.Arguments)
            {
                inner.Add(hole, Fill(argument, holes, include.Line));
            }

            string section = name.Length > 1 ? name[1] : "";
            Template includer = template;
            template = Template.Load(name[0], includer.File);
            Rendered.Add(template);
            if (include.IsOnce)
            {
                var apart = new Rendering(kernel, template);
                apart.Add(template.Section(section), inner, "");
                Rendered.UnionWith(apart.Rendered);
                AddOnce(apart.ToString(), indent + include.Indent);
            }
            else
            {
                Add(template.Section(section), inner, indent + include.Indent);
            }

            template = includer;
        }

        private void AddOnce(string function, string indent)
        {
            if (kernel.IsFirst(function))
            {
                AddLines(function, indent);
                AddLines("", indent);
            }
        }

        private void AddLine(TextNode line, Holes holes, string indent)
        {
            string filled = Fill(line.Text, holes, line.Line);
            if (filled.Length > 0 || !line.Text.IsHole)
            {
                AddLines(filled, filled.Length > 0 ? indent + line.Indent : "");
            }
        }

        private void AddLines(string lines, string indent)
        {
            for (int begin = 0; begin <= lines.Length;)
            {
                int end = lines.IndexOf('\n', begin);
                end = end < 0 ? lines.Length : end;
                if (end > begin)
                {
                    bool isAtMargin = lines[begin] == '#' && string.CompareOrdinal(lines, begin, "#pragma", 0, 7) != 0;
                    text.Append(isAtMargin ? "" : indent).Append(lines, begin, end - begin).Append('\n');
                }
                else if (!IsEmptyLineNeedless)
                {
                    text.Append('\n');
                }

                begin = end + 1;
            }
        }

        /// <summary>
        /// Whether there is nothing before that an empty line would set apart: at the start, after another, after an opening brace.
        /// </summary>
        private bool IsEmptyLineNeedless => text.Length == 0 || (text.Length > 1 && text[text.Length - 2] is '\n' or '{');

        // Most lines have no hole: they must not pay for the closure.
        private string Fill(FilledText line, Holes holes, int number) => line.Literal ?? FillHoles(line, holes, number);

        private string FillHoles(FilledText line, Holes holes, int number) =>
            line.Fill(holes, message => template.Error(number, message));

        /// <summary>Whether a condition holds; text counts as one, which holds where there is any.</summary>
        private bool IsTrue(string name, Holes holes, int number) => holes.Find(name) switch
        {
            bool condition => condition,
            string value => value.Length > 0,
            _ => throw template.Error(number, $"'{name}' is no condition"),
        };

        private IEnumerable<object> List(ForNode loop, Holes holes)
        {
            string[] range = loop.List.Split([".."], StringSplitOptions.None);
            if (range.Length != 2)
            {
                return holes.Find(loop.List) as object[] ?? throw template.Error(loop.Line, $"'{loop.List}' is no list");
            }

            int begin = Number(range[0], holes, loop.Line), end = Number(range[1], holes, loop.Line);
            return Enumerable.Range(begin, Math.Max(0, end - begin)).Select(C.Int);
        }

        private int Number(string text, Holes holes, int number) =>
            int.TryParse(holes.Find(text) as string ?? text, NumberStyles.None, CultureInfo.InvariantCulture, out int value)
                ? value
                : throw template.Error(number, $"'{text}' is no number");
    }
}
