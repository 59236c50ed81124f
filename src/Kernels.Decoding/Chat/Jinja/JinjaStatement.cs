namespace Kernels.Decoding;

/// <summary>A statement of a template.</summary>
/// <param name="line">Its line.</param>
internal abstract class JinjaStatement(int line)
{
    protected int Line => line;

    public abstract JinjaFlow Execute(JinjaScope scope);

    /// <summary>Runs statements up to one that leaves a loop.</summary>
    public static JinjaFlow Execute(List<JinjaStatement> body, JinjaScope scope)
    {
        foreach (JinjaStatement statement in body)
        {
            scope.Run.Step(statement.Line);
            JinjaFlow flow = statement.Execute(scope);
            if (flow != JinjaFlow.Next)
            {
                return flow;
            }
        }

        return JinjaFlow.Next;
    }

    private static string Capture(List<JinjaStatement> body, JinjaScope scope) => scope.Run.Capture(() => Execute(body, scope));

    private static void Assign(JinjaScope scope, JinjaExpression target, object? value)
    {
        switch (target)
        {
            case JinjaExpression.Name name:
                scope.Set(name.Text, value);
                break;
            case JinjaExpression.Attribute { Of: JinjaExpression.Name name } attribute:
                if (scope.Get(name.Text) is not JinjaNamespace space)
                {
                    throw scope.Run.Fail($"'{name.Text}' is no namespace, so its attribute cannot be set");
                }

                space.Attributes[attribute.Member] = value;
                break;
            case JinjaExpression.Sequence sequence:
                JinjaValue.CheckDefined(scope.Run, value);
                List<object?> values = JinjaValue.Iterate(scope.Run, value);
                if (values.Count != sequence.Items.Count)
                {
                    throw scope.Run.Fail($"{values.Count} values cannot be assigned to {sequence.Items.Count} names");
                }

                for (int i = 0; i < values.Count; i++)
                {
                    Assign(scope, sequence.Items[i], values[i]);
                }

                break;
        }
    }

    internal sealed class Data(int line, string text) : JinjaStatement(line)
    {
        public override JinjaFlow Execute(JinjaScope scope)
        {
            scope.Run.Write(text);
            return JinjaFlow.Next;
        }
    }

    internal sealed class Print(int line, JinjaExpression expression) : JinjaStatement(line)
    {
        public override JinjaFlow Execute(JinjaScope scope)
        {
            scope.Run.Write(JinjaValue.Text(scope.Run, expression.Evaluate(scope)));
            return JinjaFlow.Next;
        }
    }

    internal sealed class If(int line, List<(JinjaExpression? Test, List<JinjaStatement> Body)> branches) : JinjaStatement(line)
    {
        public override JinjaFlow Execute(JinjaScope scope)
        {
            foreach ((JinjaExpression? test, List<JinjaStatement> body) in branches)
            {
                if (test is null || JinjaValue.IsTrue(test.Evaluate(scope)))
                {
                    return Execute(body, scope);
                }
            }

            return JinjaFlow.Next;
        }
    }

    internal sealed class For(
        int line,
        JinjaExpression target,
        JinjaExpression of,
        JinjaExpression? test,
        bool recursive,
        List<JinjaStatement> body,
        List<JinjaStatement> otherwise)
        : JinjaStatement(line)
    {
        public override JinjaFlow Execute(JinjaScope scope)
        {
            Repeat(scope, of.Evaluate(scope), 0);
            return JinjaFlow.Next;
        }

        private void Repeat(JinjaScope outer, object? value, int depth)
        {
            JinjaRun run = outer.Run;
            run.Line = Line;
            List<object?> items = JinjaValue.Iterate(run, value);
            if (test is not null)
            {
                items = items.FindAll(item =>
                {
                    var scope = new JinjaScope(run, outer);
                    Assign(scope, target, item);
                    return JinjaValue.IsTrue(test.Evaluate(scope));
                });
            }

            if (items.Count == 0)
            {
                Execute(otherwise, new JinjaScope(run, outer));
                return;
            }

            // The list may be changed while it is gone through.
            items = [.. items];
            var loop = new JinjaLoop(items, depth)
            {
                Recurse = recursive
                    ? new JinjaFunction("loop", (_, arguments) =>
                    {
                        object?[] given = arguments.Bind(run, "loop", 1, "iterable");
                        run.CheckDepth(depth + 1);
                        return run.Capture(() => Repeat(outer, given[0], depth + 1));
                    })
                    : null,
            };
            for (; loop.Index < items.Count; loop.Index++)
            {
                var scope = new JinjaScope(run, outer);
                scope.Set("loop", loop);
                Assign(scope, target, items[loop.Index]);
                if (Execute(body, scope) == JinjaFlow.Break)
                {
                    break;
                }
            }
        }
    }

    internal sealed class Set(int line, JinjaExpression target, JinjaExpression value) : JinjaStatement(line)
    {
        public override JinjaFlow Execute(JinjaScope scope)
        {
            object? assigned = value.Evaluate(scope);
            scope.Run.Line = Line;
            Assign(scope, target, assigned);
            return JinjaFlow.Next;
        }
    }

    internal sealed class SetBlock(int line, JinjaExpression target, JinjaExpression.Filter? filter, List<JinjaStatement> body)
        : JinjaStatement(line)
    {
        public override JinjaFlow Execute(JinjaScope scope)
        {
            var inner = new JinjaScope(scope.Run, scope);
            object? text = Capture(body, inner);
            Assign(scope, target, filter is null ? text : filter.ApplyTo(inner, text));
            return JinjaFlow.Next;
        }
    }

    internal sealed class FilterBlock(int line, JinjaExpression.Filter filter, List<JinjaStatement> body) : JinjaStatement(line)
    {
        public override JinjaFlow Execute(JinjaScope scope)
        {
            var inner = new JinjaScope(scope.Run, scope);
            string text = Capture(body, inner);
            scope.Run.Write(JinjaValue.Text(scope.Run, filter.ApplyTo(inner, text)));
            return JinjaFlow.Next;
        }
    }

    internal sealed class With(int line, List<(JinjaExpression Target, JinjaExpression Value)> variables, List<JinjaStatement> body)
        : JinjaStatement(line)
    {
        public override JinjaFlow Execute(JinjaScope scope)
        {
            var inner = new JinjaScope(scope.Run, scope);
            foreach ((JinjaExpression target, JinjaExpression value) in variables)
            {
                Assign(inner, target, value.Evaluate(scope));
            }

            return Execute(body, inner);
        }
    }

    /// <summary>The tag generation, which marks a reply in training: its content is written as it is.</summary>
    internal sealed class Scoped(int line, List<JinjaStatement> body) : JinjaStatement(line)
    {
        public override JinjaFlow Execute(JinjaScope scope) => Execute(body, new JinjaScope(scope.Run, scope));
    }

    internal sealed class Macro(int line, string name, JinjaSignature signature, List<JinjaStatement> body) : JinjaStatement(line)
    {
        public override JinjaFlow Execute(JinjaScope scope)
        {
            scope.Set(name, signature.Close(name, scope, body));
            return JinjaFlow.Next;
        }
    }

    internal sealed class CallBlock(int line, JinjaExpression.Call call, JinjaSignature signature, List<JinjaStatement> body)
        : JinjaStatement(line)
    {
        public override JinjaFlow Execute(JinjaScope scope)
        {
            object? text = call.Invoke(scope, signature.Close("caller", scope, body));
            scope.Run.Write(JinjaValue.Text(scope.Run, text));
            return JinjaFlow.Next;
        }
    }

    internal sealed class Leave(int line, JinjaFlow flow) : JinjaStatement(line)
    {
        public override JinjaFlow Execute(JinjaScope scope) => flow;
    }
}
