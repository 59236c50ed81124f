namespace Kernels.Compiler.Emit.Text;

/// <summary>
/// Text with holes, read once: <c>${name}</c>, <c>${item.name}</c>, <c>${function(argument, argument)}</c>, whose arguments have holes too.
/// </summary>
internal sealed class FilledText
{
    private readonly List<Part> parts = [];

    private FilledText()
    {
    }

    /// <summary>The names of its holes, those within arguments included, without what follows a dot.</summary>
    public IEnumerable<string> Names => parts.SelectMany(part =>
        part.Name.Length == 0 ? [] : part.Arguments.SelectMany(argument => argument.Names).Append(part.Name.Split('.')[0]));

    /// <summary>Whether it is nothing but one hole.</summary>
    public bool IsHole => parts.Count == 1 && parts[0].Name.Length > 0;

    /// <summary>The text where it has no hole, or null.</summary>
    public string? Literal => parts.Count == 0 ? "" : parts.Count == 1 && parts[0].Name.Length == 0 ? parts[0].Text : null;

    /// <summary>Reads a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="error">Makes the exception that is thrown where a hole has no end.</param>
    public static FilledText Parse(string text, Func<string, Exception> error)
    {
        var result = new FilledText();
        int from = 0;
        for (int begin = text.IndexOf("${", StringComparison.Ordinal);
            begin >= 0;
            begin = text.IndexOf("${", from, StringComparison.Ordinal))
        {
            int end = EndOfHole(text, begin, error);
            result.AddLiteral(text[from..begin]);
            string hole = text[(begin + 2)..end].Trim();
            int parenthesis = hole.IndexOf('(');
            bool isCall = parenthesis >= 0 && hole[^1] == ')';
            result.parts.Add(new Part(
                isCall ? hole[..parenthesis] : hole, hole,
                isCall ? [.. Arguments(hole[(parenthesis + 1)..^1]).Select(argument => Parse(argument, error))] : [], isCall));
            from = end + 1;
        }

        result.AddLiteral(text[from..]);
        return result;
    }

    /// <summary>The text with its holes filled.</summary>
    /// <param name="holes">What they take.</param>
    /// <param name="error">Makes the exception that is thrown where they do not.</param>
    public string Fill(Holes holes, Func<string, Exception> error) => parts.Count == 1
        ? Value(parts[0], holes, error)
        : string.Concat(parts.Select(part => Value(part, holes, error)));

    private static string Value(Part part, Holes holes, Func<string, Exception> error) => part.Name.Length == 0
        ? part.Text
        : holes.Find(part.Name) switch
        {
            string value when !part.IsCall => value,
            Func<string> value when !part.IsCall => value(),
            HoleFunction function when part.IsCall => function([.. part.Arguments.Select(argument => argument.Fill(holes, error))]),
            null => throw error($"nothing fills the hole '{part.Name}'"),
            _ => throw error($"'{part.Text}' is not how '{part.Name}' is used"),
        };

    private static int EndOfHole(string text, int begin, Func<string, Exception> error)
    {
        int depth = 0;
        for (int i = begin + 1; i < text.Length; i++)
        {
            depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
            if (depth == 0)
            {
                return i;
            }
        }

        throw error("this hole has no end");
    }

    /// <summary>Arguments, apart at the commas outside parentheses, brackets and braces.</summary>
    private static IEnumerable<string> Arguments(string list)
    {
        int depth = 0, from = 0;
        for (int i = 0; i < list.Length; i++)
        {
            depth += list[i] is '(' or '[' or '{' ? 1 : list[i] is ')' or ']' or '}' ? -1 : 0;
            if (depth == 0 && list[i] == ',')
            {
                yield return list[from..i].Trim();
                from = i + 1;
            }
        }

        if (list.Length > 0)
        {
            yield return list[from..].Trim();
        }
    }

    private void AddLiteral(string text)
    {
        if (text.Length > 0)
        {
            parts.Add(new Part("", text, [], IsCall: false));
        }
    }

    /// <param name="Name">The hole's name; empty for text between holes.</param>
    /// <param name="Text">That text, or the hole as it stands there.</param>
    /// <param name="Arguments">Of a function.</param>
    /// <param name="IsCall">Whether it is one.</param>
    private sealed record Part(string Name, string Text, FilledText[] Arguments, bool IsCall);
}
