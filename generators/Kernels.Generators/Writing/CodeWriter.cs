using System.Text;

namespace Kernels.Generators.Writing;

/// <summary>Collects lines of source text with indentation; line ends are <c>\n</c> on every system.</summary>
internal sealed class CodeWriter
{
    private readonly StringBuilder text = new();
    private int depth;

    /// <summary>Adds text of one or more lines at the current depth.</summary>
    public CodeWriter Add(string lines)
    {
        foreach (string line in lines.Replace("\r\n", "\n").Split('\n'))
        {
            if (line.Length > 0)
            {
                // Preprocessor lines start at the margin, as C programmers write them; a pragma stands with what it is of.
                text.Append(' ', line[0] == '#' && !line.StartsWith("#pragma", StringComparison.Ordinal) ? 0 : depth * 4).Append(line);
            }

            text.Append('\n');
        }

        return this;
    }

    public CodeWriter Line() => Add("");

    /// <summary>Adds text as it is, without indentation.</summary>
    public CodeWriter AddVerbatim(string lines)
    {
        text.Append(lines);
        return this;
    }

    /// <summary>Adds <paramref name="head"/> (if any) and an opening brace, and goes one level in.</summary>
    public CodeWriter Open(string? head = null)
    {
        if (head is not null)
        {
            Add(head);
        }

        Add("{");
        depth++;
        return this;
    }

    /// <summary>Goes one level out and closes the brace.</summary>
    public CodeWriter Close(string tail = "")
    {
        depth--;
        return Add("}" + tail);
    }

    public override string ToString() => text.ToString();
}
