using System.Runtime.CompilerServices;

namespace Kernels.Decoding;

/// <summary>Reads the grammar of Jinja2, with the extensions that transformers loads: break, continue and generation.</summary>
internal sealed class JinjaParser
{
    /// <summary>The most characters of a template.</summary>
    public const int MaxLength = 4 << 20;

    private const int MaxDepth = 200;
    private const int MaxArguments = 255;

    private readonly List<JinjaToken> tokens;
    private int position;
    private int depth;
    private int loops;

    private JinjaParser(List<JinjaToken> tokens) => this.tokens = tokens;

    /// <summary>The names that the template reads.</summary>
    public HashSet<string> Names { get; private set; } = [];

    /// <summary>Whether some loop goes through the content of a message.</summary>
    public bool LoopsOverContent { get; private set; }

    private JinjaToken Current => tokens[position];

    /// <summary>Reads a template.</summary>
    /// <exception cref="ChatTemplateException">The template is not well-formed.</exception>
    public static (List<JinjaStatement> Body, JinjaParser Parser) Parse(string source)
    {
        if (source.Length > MaxLength)
        {
            throw new ChatTemplateException(ChatTemplateFault.Limit, 1, $"it has {source.Length:N0} characters, of at most {MaxLength:N0}");
        }

        var parser = new JinjaParser(JinjaLexer.Read(source));
        return (parser.Statements([]), parser);
    }

    // Up to a block with one of these names, of which the name is read; without names up to the end of the template.
    private List<JinjaStatement> Statements(ReadOnlySpan<string> ends)
    {
        Enter();
        var body = new List<JinjaStatement>();
        while (true)
        {
            JinjaToken token = Next();
            switch (token.Kind)
            {
                case JinjaTokenKind.Data:
                    body.Add(new JinjaStatement.Data(token.Line, token.Text));
                    break;
                case JinjaTokenKind.VariableBegin:
                    body.Add(new JinjaStatement.Print(token.Line, Tuple()));
                    Expect(JinjaTokenKind.VariableEnd);
                    break;
                case JinjaTokenKind.BlockBegin:
                    if (Current.Kind == JinjaTokenKind.Name && ends.Contains(Current.Text))
                    {
                        depth--;
                        return body;
                    }

                    body.Add(Statement());
                    Expect(JinjaTokenKind.BlockEnd);
                    break;
                default:
                    depth--;
                    return ends.IsEmpty ? body : throw Fail($"'{string.Join("' or '", ends!)}' is missing");
            }
        }
    }

    private List<JinjaStatement> Body(string end)
    {
        Expect(JinjaTokenKind.BlockEnd);
        List<JinjaStatement> body = Statements([end]);
        position++;
        return body;
    }

    private JinjaStatement Statement()
    {
        int line = Current.Line;
        string tag = Expect(JinjaTokenKind.Name).Text;
        switch (tag)
        {
            case "for":
                return For(line);
            case "if":
                return If(line);
            case "set":
                return Set(line);
            case "macro":
                string name = Expect(JinjaTokenKind.Name).Text;
                return WithSignature((signature, body) => new JinjaStatement.Macro(line, name, signature, body), "endmacro");
            case "call":
                return CallBlock(line);
            case "filter":
                var filter = (JinjaExpression.Filter)Filters(null, inline: true)!;
                return new JinjaStatement.FilterBlock(line, filter, Outside("endfilter"));
            case "with":
                return With(line);
            case "generation":
                return new JinjaStatement.Scoped(line, Outside("endgeneration"));
            case "print":
                return new JinjaStatement.Print(line, Tuple());
            case "break" or "continue":
                return loops > 0
                    ? new JinjaStatement.Leave(line, tag == "break" ? JinjaFlow.Break : JinjaFlow.Continue)
                    : throw Fail($"'{tag}' stands outside a loop");
            default:
                throw Fail($"the tag '{tag}' is not known here");
        }
    }

    // A body whose content no loop outside can be left from.
    private List<JinjaStatement> Outside(string end)
    {
        int outer = loops;
        loops = 0;
        List<JinjaStatement> body = Body(end);
        loops = outer;
        return body;
    }

    private JinjaStatement.For For(int line)
    {
        JinjaExpression target = Target(withNamespace: false);
        ExpectName("in");
        JinjaExpression of = Tuple(conditional: false, end: "recursive");
        LoopsOverContent |= IsContent(of);
        JinjaExpression? test = SkipName("if") ? Expression() : null;
        bool recursive = SkipName("recursive");
        Expect(JinjaTokenKind.BlockEnd);
        loops++;
        List<JinjaStatement> body = Statements(["endfor", "else"]);
        loops--;
        List<JinjaStatement> otherwise = [];
        if (Next().Text == "else")
        {
            otherwise = Body("endfor");
        }

        return new JinjaStatement.For(line, target, of, test, recursive, body, otherwise);
    }

    private JinjaStatement.If If(int line)
    {
        var branches = new List<(JinjaExpression?, List<JinjaStatement>)>();
        while (true)
        {
            JinjaExpression test = Tuple(conditional: false);
            Expect(JinjaTokenKind.BlockEnd);
            branches.Add((test, Statements(["elif", "else", "endif"])));
            switch (Next().Text)
            {
                case "elif":
                    continue;
                case "else":
                    branches.Add((null, Body("endif")));
                    break;
            }

            return new JinjaStatement.If(line, branches);
        }
    }

    private JinjaStatement Set(int line)
    {
        JinjaExpression target = Target(withNamespace: true);
        if (SkipOperator("="))
        {
            return new JinjaStatement.Set(line, target, Tuple());
        }

        var filter = (JinjaExpression.Filter?)Filters(null, inline: false);
        return new JinjaStatement.SetBlock(line, target, filter, Outside("endset"));
    }

    private JinjaStatement.With With(int line)
    {
        var variables = new List<(JinjaExpression, JinjaExpression)>();
        while (Current.Kind != JinjaTokenKind.BlockEnd)
        {
            if (variables.Count > 0)
            {
                ExpectOperator(",");
            }

            JinjaExpression target = Target(withNamespace: false);
            ExpectOperator("=");
            variables.Add((target, Expression()));
        }

        return new JinjaStatement.With(line, variables, Body("endwith"));
    }

    private JinjaStatement CallBlock(int line)
    {
        if (!Current.IsOperator("("))
        {
            JinjaExpression.Call call = CallExpression();
            return new JinjaStatement.CallBlock(line, call, new JinjaSignature([], false, false, false), Outside("endcall"));
        }

        JinjaExpression.Call? called = null;
        return WithSignature(
            (signature, body) => new JinjaStatement.CallBlock(line, called!, signature, body), "endcall", () => called = CallExpression());
    }

    private JinjaExpression.Call CallExpression() => Expression() as JinjaExpression.Call ?? throw Fail("a call was expected");

    private JinjaStatement WithSignature(
        Func<JinjaSignature, List<JinjaStatement>, JinjaStatement> create, string end, Action? between = null)
    {
        ExpectOperator("(");
        var parameters = new List<(string, JinjaExpression?)>();
        while (!Current.IsOperator(")"))
        {
            if (parameters.Count > 0)
            {
                ExpectOperator(",");
            }

            if (parameters.Count > MaxArguments)
            {
                throw Fail($"a macro has more than {MaxArguments} parameters");
            }

            string name = Expect(JinjaTokenKind.Name).Text;
            JinjaExpression? otherwise = SkipOperator("=") ? Expression() : null;
            parameters.Add(otherwise is not null || parameters.TrueForAll(parameter => parameter.Item2 is null)
                ? (name, otherwise)
                : throw Fail($"the parameter '{name}' without a default follows one with a default"));
        }

        position++;
        between?.Invoke();

        // Which names the body reads says what it takes.
        HashSet<string> outer = Names;
        Names = [];
        List<JinjaStatement> body = Outside(end);
        var signature = new JinjaSignature(parameters, Names.Contains("varargs"), Names.Contains("kwargs"), Names.Contains("caller"));
        outer.UnionWith(Names);
        Names = outer;
        return create(signature, body);
    }

    private JinjaExpression Target(bool withNamespace)
    {
        var targets = new List<JinjaExpression>();
        bool tuple = false;
        int line = Current.Line;
        do
        {
            if (targets.Count > 0 && (Current.Kind != JinjaTokenKind.Name || Current.Text == "in") && !Current.IsOperator("("))
            {
                break;
            }

            if (SkipOperator("("))
            {
                Enter();
                targets.Add(Target(withNamespace));
                depth--;
                ExpectOperator(")");
            }
            else
            {
                string name = Expect(JinjaTokenKind.Name).Text;
                JinjaExpression target = new JinjaExpression.Name(line, name);
                if (name is "true" or "false" or "none" or "True" or "False" or "None")
                {
                    throw Fail($"'{name}' cannot be assigned to");
                }

                targets.Add(withNamespace && SkipOperator(".")
                    ? new JinjaExpression.Attribute(line, target, Expect(JinjaTokenKind.Name).Text)
                    : target);
            }

            if (!Current.IsOperator(","))
            {
                break;
            }

            tuple = true;
            position++;
        }
        while (true);
        return tuple ? new JinjaExpression.Sequence(line, targets, tuple: true) : targets[0];
    }

    // Expressions with commas between them, or one without.
    private JinjaExpression Tuple(bool conditional = true, string? end = null, bool parentheses = false)
    {
        int line = Current.Line;
        var items = new List<JinjaExpression>();
        bool tuple = false;
        while (true)
        {
            if (Current.Kind is JinjaTokenKind.VariableEnd or JinjaTokenKind.BlockEnd || Current.IsOperator(")")
                || (end is not null && Current.IsName(end)))
            {
                break;
            }

            items.Add(conditional ? Expression() : Or());
            if (!SkipOperator(","))
            {
                break;
            }

            tuple = true;
        }

        if (!tuple && items.Count == 1)
        {
            return items[0];
        }

        return tuple || parentheses
            ? new JinjaExpression.Sequence(line, items, tuple: true)
            : throw Fail($"an expression was expected, not {Current.Describe()}");
    }

    private JinjaExpression Expression()
    {
        Enter();
        int line = Current.Line;
        JinjaExpression value = Or();
        while (SkipName("if"))
        {
            JinjaExpression test = Or();
            value = new JinjaExpression.Choice(line, test, value, SkipName("else") ? Expression() : null);
        }

        depth--;
        return value;
    }

    private JinjaExpression Or()
    {
        JinjaExpression left = And();
        while (Current.IsName("or"))
        {
            left = new JinjaExpression.Or(Next().Line, left, And());
        }

        return left;
    }

    private JinjaExpression And()
    {
        JinjaExpression left = Not();
        while (Current.IsName("and"))
        {
            left = new JinjaExpression.And(Next().Line, left, Not());
        }

        return left;
    }

    private JinjaExpression Not()
    {
        if (!Current.IsName("not"))
        {
            return Comparison();
        }

        Enter();
        var value = new JinjaExpression.Not(Next().Line, Not());
        depth--;
        return value;
    }

    private JinjaExpression Comparison()
    {
        int line = Current.Line;
        JinjaExpression first = Sum();
        List<(string, JinjaExpression)>? rest = null;
        while (true)
        {
            string? sign = Current switch
            {
                { Kind: JinjaTokenKind.Operator, Text: "==" or "!=" or "<" or "<=" or ">" or ">=" } => Current.Text,
                { Kind: JinjaTokenKind.Name, Text: "in" } => "in",
                { Kind: JinjaTokenKind.Name, Text: "not" } when tokens[position + 1].IsName("in") => "not in",
                _ => null,
            };
            if (sign is null)
            {
                return rest is null ? first : new JinjaExpression.Comparison(line, first, rest);
            }

            position += sign == "not in" ? 2 : 1;
            (rest ??= []).Add((sign, Sum()));
        }
    }

    private JinjaExpression Sum()
    {
        JinjaExpression left = Concatenation();
        while (Current.IsOperator("+") || Current.IsOperator("-"))
        {
            JinjaToken sign = Next();
            left = new JinjaExpression.Binary(sign.Line, sign.Text, left, Concatenation());
        }

        return left;
    }

    private JinjaExpression Concatenation()
    {
        int line = Current.Line;
        JinjaExpression first = Product();
        if (!Current.IsOperator("~"))
        {
            return first;
        }

        var parts = new List<JinjaExpression> { first };
        while (SkipOperator("~"))
        {
            parts.Add(Product());
        }

        return new JinjaExpression.Concatenation(line, parts);
    }

    private JinjaExpression Product()
    {
        JinjaExpression left = Power();
        while (Current is { Kind: JinjaTokenKind.Operator, Text: "*" or "/" or "//" or "%" })
        {
            JinjaToken sign = Next();
            left = new JinjaExpression.Binary(sign.Line, sign.Text, left, Power());
        }

        return left;
    }

    private JinjaExpression Power()
    {
        JinjaExpression left = Unary(filters: true);
        while (Current.IsOperator("**"))
        {
            JinjaToken sign = Next();
            left = new JinjaExpression.Binary(sign.Line, sign.Text, left, Unary(filters: true));
        }

        return left;
    }

    private JinjaExpression Unary(bool filters)
    {
        Enter();
        JinjaExpression value;
        if (Current.IsOperator("-") || Current.IsOperator("+"))
        {
            JinjaToken sign = Next();
            value = new JinjaExpression.Sign(sign.Line, Unary(filters: false), sign.Text == "-");
        }
        else
        {
            value = Primary();
        }

        value = Postfix(value);
        depth--;
        return filters ? FiltersAndTests(value) : value;
    }

    private JinjaExpression Primary()
    {
        JinjaToken token = Next();
        switch (token.Kind)
        {
            case JinjaTokenKind.Name:
                switch (token.Text)
                {
                    case "true" or "True":
                        return new JinjaExpression.Constant(token.Line, true);
                    case "false" or "False":
                        return new JinjaExpression.Constant(token.Line, false);
                    case "none" or "None":
                        return new JinjaExpression.Constant(token.Line, null);
                    default:
                        Names.Add(token.Text);
                        return new JinjaExpression.Name(token.Line, token.Text);
                }

            case JinjaTokenKind.String when Current.Kind != JinjaTokenKind.String:
                return new JinjaExpression.Constant(token.Line, token.Text);
            case JinjaTokenKind.String:
                var text = new System.Text.StringBuilder(token.Text);
                while (Current.Kind == JinjaTokenKind.String)
                {
                    text.Append(Next().Text);
                }

                return new JinjaExpression.Constant(token.Line, text.ToString());
            case JinjaTokenKind.Number:
                return new JinjaExpression.Constant(token.Line, token.Value);
            case JinjaTokenKind.Operator when token.Text == "(":
                JinjaExpression inside = Tuple(parentheses: true);
                ExpectOperator(")");
                return inside;
            case JinjaTokenKind.Operator when token.Text == "[":
                return new JinjaExpression.Sequence(token.Line, Separated("]", Expression), tuple: false);
            case JinjaTokenKind.Operator when token.Text == "{":
                return new JinjaExpression.Mapping(token.Line, Separated("}", () =>
                {
                    JinjaExpression key = Expression();
                    ExpectOperator(":");
                    return (key, Expression());
                }));
            default:
                position--;
                throw Fail($"{token.Describe()} was not expected");
        }
    }

    private List<T> Separated<T>(string end, Func<T> read)
    {
        var items = new List<T>();
        while (!SkipOperator(end))
        {
            if (items.Count > 0)
            {
                ExpectOperator(",");
                if (SkipOperator(end))
                {
                    break;
                }
            }

            items.Add(read());
        }

        return items;
    }

    private JinjaExpression Postfix(JinjaExpression value)
    {
        while (true)
        {
            if (Current.IsOperator("."))
            {
                int line = Next().Line;
                JinjaToken name = Next();
                value = name.Kind switch
                {
                    JinjaTokenKind.Name => new JinjaExpression.Attribute(line, value, name.Text),
                    JinjaTokenKind.Number when name.Value is long =>
                        new JinjaExpression.Item(line, value, new JinjaExpression.Constant(line, name.Value)),
                    _ => throw Fail("a name or number was expected after '.'"),
                };
            }
            else if (Current.IsOperator("["))
            {
                value = Subscript(Next().Line, value);
            }
            else if (Current.IsOperator("("))
            {
                value = new JinjaExpression.Call(Current.Line, value, Arguments());
            }
            else
            {
                return value;
            }
        }
    }

    private JinjaExpression Subscript(int line, JinjaExpression value)
    {
        JinjaExpression? start = Current.IsOperator(":") ? null : Expression();
        if (!SkipOperator(":"))
        {
            if (Current.IsOperator(","))
            {
                var items = new List<JinjaExpression> { start! };
                while (SkipOperator(","))
                {
                    items.Add(Expression());
                }

                start = new JinjaExpression.Sequence(line, items, tuple: true);
            }

            ExpectOperator("]");
            return new JinjaExpression.Item(line, value, start!);
        }

        JinjaExpression? stop = Current.IsOperator(":") || Current.IsOperator("]") ? null : Expression();
        JinjaExpression? step = SkipOperator(":") && !Current.IsOperator("]") ? Expression() : null;
        ExpectOperator("]");
        return new JinjaExpression.Slice(line, value, start, stop, step);
    }

    private JinjaExpression FiltersAndTests(JinjaExpression value)
    {
        while (true)
        {
            if (Current.IsOperator("|"))
            {
                value = Filters(value, inline: false)!;
            }
            else if (Current.IsName("is"))
            {
                value = Test(value);
            }
            else if (Current.IsOperator("("))
            {
                value = new JinjaExpression.Call(Current.Line, value, Arguments());
            }
            else
            {
                return value;
            }
        }
    }

    private JinjaExpression? Filters(JinjaExpression? value, bool inline)
    {
        while (inline || Current.IsOperator("|"))
        {
            position += inline ? 0 : 1;
            inline = false;
            JinjaToken name = Expect(JinjaTokenKind.Name);
            JinjaCallArguments arguments = Current.IsOperator("(") ? Arguments() : JinjaCallArguments.None;
            value = new JinjaExpression.Filter(name.Line, value, name.Text, arguments);
        }

        return value;
    }

    private JinjaExpression Test(JinjaExpression value)
    {
        int line = Next().Line;
        bool negated = SkipName("not");
        string name = Expect(JinjaTokenKind.Name).Text;
        JinjaCallArguments arguments = JinjaCallArguments.None;
        if (Current.IsOperator("("))
        {
            arguments = Arguments();
        }
        else if ((Current.Kind is JinjaTokenKind.Name or JinjaTokenKind.String or JinjaTokenKind.Number || Current.IsOperator("[")
            || Current.IsOperator("{"))
            && Current is not { Kind: JinjaTokenKind.Name, Text: "else" or "or" or "and" })
        {
            if (Current.IsName("is"))
            {
                throw Fail("tests cannot be chained with 'is'");
            }

            arguments = new JinjaCallArguments([Postfix(Primary())], []);
        }

        JinjaExpression test = new JinjaExpression.Test(line, value, name, arguments);
        return negated ? new JinjaExpression.Not(line, test) : test;
    }

    private JinjaCallArguments Arguments()
    {
        ExpectOperator("(");
        var positional = new List<JinjaExpression>();
        var named = new List<(string, JinjaExpression)>();
        JinjaExpression? list = null;
        JinjaExpression? mapping = null;
        bool comma = false;
        while (!SkipOperator(")"))
        {
            if (comma)
            {
                ExpectOperator(",");
                if (SkipOperator(")"))
                {
                    break;
                }
            }

            comma = true;
            if (positional.Count + named.Count > MaxArguments)
            {
                throw Fail($"a call has more than {MaxArguments} arguments");
            }

            if (Current.IsOperator("*") && list is null && mapping is null)
            {
                position++;
                list = Expression();
            }
            else if (Current.IsOperator("**") && mapping is null)
            {
                position++;
                mapping = Expression();
            }
            else if (Current.Kind == JinjaTokenKind.Name && tokens[position + 1].IsOperator("=") && mapping is null)
            {
                string name = Next().Text;
                position++;
                named.Add(named.TrueForAll(argument => argument.Item1 != name)
                    ? (name, Expression())
                    : throw Fail($"the argument '{name}' is given twice"));
            }
            else
            {
                positional.Add(list is null && mapping is null && named.Count == 0
                    ? Expression()
                    : throw Fail("an argument without a name follows one with a name"));
            }
        }

        return new JinjaCallArguments(positional, named, list, mapping);
    }

    private static bool IsContent(JinjaExpression expression) => expression switch
    {
        JinjaExpression.Attribute attribute => attribute.Member == "content",
        JinjaExpression.Item { Key: JinjaExpression.Constant { Literal: "content" } } => true,
        JinjaExpression.Slice slice => IsContent(slice.Of),
        JinjaExpression.Name name => name.Text.Contains("content", StringComparison.Ordinal),
        _ => false,
    };

    private void Enter()
    {
        if (++depth > MaxDepth || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new ChatTemplateException(
                ChatTemplateFault.Limit, Current.Line, $"its tags or expressions are nested more than {MaxDepth} times");
        }
    }

    private JinjaToken Next() => Current.Kind == JinjaTokenKind.End ? Current : tokens[position++];

    private JinjaToken Expect(JinjaTokenKind kind) =>
        Current.Kind == kind
            ? Next()
            : throw Fail($"{new JinjaToken(kind, "", null, 0).Describe()} was expected, not {Current.Describe()}");

    private void ExpectName(string name)
    {
        if (!SkipName(name))
        {
            throw Fail($"'{name}' was expected, not {Current.Describe()}");
        }
    }

    private void ExpectOperator(string text)
    {
        if (!SkipOperator(text))
        {
            throw Fail($"'{text}' was expected, not {Current.Describe()}");
        }
    }

    private bool SkipName(string name) => Skip(Current.IsName(name));

    private bool SkipOperator(string text) => Skip(Current.IsOperator(text));

    private bool Skip(bool matches)
    {
        position += matches ? 1 : 0;
        return matches;
    }

    private ChatTemplateException Fail(string message) => new(ChatTemplateFault.Syntax, Current.Line, message);
}
