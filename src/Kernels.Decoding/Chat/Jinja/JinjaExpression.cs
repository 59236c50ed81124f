namespace Kernels.Decoding;

/// <summary>An expression of a template.</summary>
/// <param name="line">Its line.</param>
internal abstract class JinjaExpression(int line)
{
    public int Line { get; } = line;

    /// <summary>The value.</summary>
    public object? Evaluate(JinjaScope scope)
    {
        scope.Run.Step(Line);
        return Value(scope);
    }

    protected abstract object? Value(JinjaScope scope);

    private static JinjaRun At(JinjaScope scope, JinjaExpression expression)
    {
        scope.Run.Line = expression.Line;
        return scope.Run;
    }

    internal sealed class Constant(int line, object? value) : JinjaExpression(line)
    {
        public object? Literal => value;

        protected override object? Value(JinjaScope scope) => value;
    }

    internal sealed class Name(int line, string name) : JinjaExpression(line)
    {
        public string Text => name;

        protected override object? Value(JinjaScope scope) => scope.Get(name);
    }

    internal sealed class Sequence(int line, List<JinjaExpression> items, bool tuple) : JinjaExpression(line)
    {
        public List<JinjaExpression> Items => items;

        public bool IsTuple => tuple;

        protected override object? Value(JinjaScope scope)
        {
            var values = new List<object?>(items.Count);
            foreach (JinjaExpression item in items)
            {
                values.Add(item.Evaluate(scope));
            }

            return new JinjaList(values, tuple ? JinjaSequenceKind.Tuple : JinjaSequenceKind.List);
        }
    }

    internal sealed class Mapping(int line, List<(JinjaExpression Key, JinjaExpression Value)> entries) : JinjaExpression(line)
    {
        protected override object? Value(JinjaScope scope)
        {
            var dictionary = new JinjaDictionary();
            foreach ((JinjaExpression key, JinjaExpression value) in entries)
            {
                dictionary.Set(scope.Run, key.Evaluate(scope), value.Evaluate(scope));
            }

            return dictionary;
        }
    }

    /// <summary>An attribute: <c>value.name</c>.</summary>
    internal sealed class Attribute(int line, JinjaExpression of, string name) : JinjaExpression(line)
    {
        public JinjaExpression Of => of;

        public string Member => name;

        protected override object? Value(JinjaScope scope)
        {
            object? value = of.Evaluate(scope);
            return JinjaValue.GetAttribute(At(scope, this), value, name);
        }
    }

    /// <summary>An element: <c>value[key]</c>.</summary>
    internal sealed class Item(int line, JinjaExpression of, JinjaExpression key) : JinjaExpression(line)
    {
        public JinjaExpression Of => of;

        public JinjaExpression Key => key;

        protected override object? Value(JinjaScope scope)
        {
            object? value = of.Evaluate(scope);
            object? at = key.Evaluate(scope);
            return JinjaValue.GetItem(At(scope, this), value, at);
        }
    }

    internal sealed class Slice(int line, JinjaExpression of, JinjaExpression? start, JinjaExpression? stop, JinjaExpression? step)
        : JinjaExpression(line)
    {
        public JinjaExpression Of => of;

        protected override object? Value(JinjaScope scope)
        {
            object? value = of.Evaluate(scope);
            object? from = start?.Evaluate(scope);
            object? to = stop?.Evaluate(scope);
            object? by = step?.Evaluate(scope);
            return JinjaValue.Slice(At(scope, this), value, from, to, by);
        }
    }

    /// <summary>A choice: <c>a if test else b</c>.</summary>
    internal sealed class Choice(int line, JinjaExpression test, JinjaExpression then, JinjaExpression? otherwise) : JinjaExpression(line)
    {
        protected override object? Value(JinjaScope scope) =>
            JinjaValue.IsTrue(test.Evaluate(scope))
                ? then.Evaluate(scope)
                : otherwise is null
                    ? new JinjaUndefined("the inline if evaluated to false and has no else")
                    : otherwise.Evaluate(scope);
    }

    internal sealed class And(int line, JinjaExpression left, JinjaExpression right) : JinjaExpression(line)
    {
        protected override object? Value(JinjaScope scope) =>
            left.Evaluate(scope) is var value && JinjaValue.IsTrue(value) ? right.Evaluate(scope) : value;
    }

    internal sealed class Or(int line, JinjaExpression left, JinjaExpression right) : JinjaExpression(line)
    {
        protected override object? Value(JinjaScope scope) =>
            left.Evaluate(scope) is var value && JinjaValue.IsTrue(value) ? value : right.Evaluate(scope);
    }

    internal sealed class Not(int line, JinjaExpression operand) : JinjaExpression(line)
    {
        protected override object? Value(JinjaScope scope) => !JinjaValue.IsTrue(operand.Evaluate(scope));
    }

    internal sealed class Sign(int line, JinjaExpression operand, bool negative) : JinjaExpression(line)
    {
        protected override object? Value(JinjaScope scope)
        {
            object? value = operand.Evaluate(scope);
            return JinjaOperators.Sign(At(scope, this), value, negative);
        }
    }

    internal sealed class Binary(int line, string sign, JinjaExpression left, JinjaExpression right) : JinjaExpression(line)
    {
        protected override object? Value(JinjaScope scope)
        {
            object? a = left.Evaluate(scope);
            object? b = right.Evaluate(scope);
            return JinjaOperators.Calculate(At(scope, this), sign, a, b);
        }
    }

    /// <summary>Texts put together: <c>a ~ b</c>.</summary>
    internal sealed class Concatenation(int line, List<JinjaExpression> parts) : JinjaExpression(line)
    {
        protected override object? Value(JinjaScope scope)
        {
            var texts = new string[parts.Count];
            for (int i = 0; i < texts.Length; i++)
            {
                texts[i] = JinjaValue.Text(scope.Run, parts[i].Evaluate(scope));
            }

            At(scope, this).Allocate(texts.Sum(text => (long)text.Length));
            return string.Concat(texts);
        }
    }

    /// <summary>A chain of comparisons: <c>a &lt; b &lt;= c</c>.</summary>
    internal sealed class Comparison(int line, JinjaExpression first, List<(string Sign, JinjaExpression Operand)> rest)
        : JinjaExpression(line)
    {
        protected override object? Value(JinjaScope scope)
        {
            object? left = first.Evaluate(scope);
            foreach ((string sign, JinjaExpression operand) in rest)
            {
                object? right = operand.Evaluate(scope);
                if (!JinjaOperators.Compare(At(scope, this), sign, left, right))
                {
                    return false;
                }

                left = right;
            }

            return true;
        }
    }

    internal sealed class Call(int line, JinjaExpression function, JinjaCallArguments arguments) : JinjaExpression(line)
    {
        protected override object? Value(JinjaScope scope) => Invoke(scope, caller: null);

        public object? Invoke(JinjaScope scope, JinjaFunction? caller)
        {
            object? called = function.Evaluate(scope);
            JinjaArguments given = arguments.Evaluate(scope, caller);
            JinjaRun run = At(scope, this);
            JinjaValue.CheckDefined(run, called);
            JinjaFunction invoked = called switch
            {
                JinjaFunction known => known,
                JinjaLoop { Recurse: { } recurse } => recurse,
                _ => throw run.Fail($"a value of the type {JinjaValue.TypeName(called)} cannot be called"),
            };
            return invoked.Invoke(run, given);
        }
    }

    /// <summary>A filter: <c>value | name(arguments)</c>.</summary>
    internal sealed class Filter(int line, JinjaExpression? of, string name, JinjaCallArguments arguments) : JinjaExpression(line)
    {
        protected override object? Value(JinjaScope scope) => Apply(scope, of!.Evaluate(scope));

        /// <summary>Applies the filters of a block to its text.</summary>
        public object? ApplyTo(JinjaScope scope, object? value) => Apply(scope, of is Filter inner ? inner.ApplyTo(scope, value) : value);

        private object? Apply(JinjaScope scope, object? value)
        {
            JinjaArguments given = arguments.Evaluate(scope, caller: null);
            return JinjaFilters.Apply(At(scope, this), name, value, given);
        }
    }

    /// <summary>A test: <c>value is name(arguments)</c>.</summary>
    internal sealed class Test(int line, JinjaExpression of, string name, JinjaCallArguments arguments) : JinjaExpression(line)
    {
        protected override object? Value(JinjaScope scope)
        {
            object? value = of.Evaluate(scope);
            JinjaArguments given = arguments.Evaluate(scope, caller: null);
            return JinjaTests.Apply(At(scope, this), name, value, given);
        }
    }
}
