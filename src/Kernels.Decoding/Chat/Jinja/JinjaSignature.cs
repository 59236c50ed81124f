namespace Kernels.Decoding;

/// <summary>The parameters of a macro.</summary>
/// <param name="Parameters">Their names, with what they are if they are not given; null: undefined.</param>
/// <param name="TakesMore">Whether the body reads further arguments without a name: <c>varargs</c>.</param>
/// <param name="TakesNamed">Whether it reads those with a name: <c>kwargs</c>.</param>
/// <param name="TakesCaller">Whether it reads the block that calls it: <c>caller</c>.</param>
internal sealed record JinjaSignature(
    List<(string Name, JinjaExpression? Default)> Parameters, bool TakesMore, bool TakesNamed, bool TakesCaller)
{
    /// <summary>The macro, over the variables that it sees.</summary>
    public JinjaFunction Close(string name, JinjaScope scope, List<JinjaStatement> body) => new(name, (run, arguments) =>
    {
        var inner = new JinjaScope(run, scope);
        Bind(name, inner, arguments);
        run.CheckDepth(run.Depth + 1);
        run.Depth++;
        try
        {
            return run.Capture(() => JinjaStatement.Execute(body, inner));
        }
        finally
        {
            run.Depth--;
        }
    });

    private void Bind(string name, JinjaScope scope, JinjaArguments arguments)
    {
        JinjaRun run = scope.Run;
        if (arguments.Positional.Count > Parameters.Count && !TakesMore)
        {
            throw run.Fail($"macro '{name}' takes {Parameters.Count} arguments, not {arguments.Positional.Count}");
        }

        Dictionary<string, object?> named = arguments.Named is null ? [] : new(arguments.Named);
        named.Remove("caller", out object? caller);
        if (caller is not null && !TakesCaller && !Parameters.Exists(parameter => parameter.Name == "caller"))
        {
            throw run.Fail($"macro '{name}' takes no block: it does not use 'caller'");
        }

        for (int i = 0; i < Parameters.Count; i++)
        {
            (string parameter, JinjaExpression? otherwise) = Parameters[i];
            bool isNamed = named.Remove(parameter, out object? value);
            if (i < arguments.Positional.Count)
            {
                value = isNamed ? throw run.Fail($"macro '{name}' gets its argument '{parameter}' twice") : arguments.Positional[i];
            }
            else if (!isNamed)
            {
                value = parameter == "caller" && caller is not null ? caller
                    : otherwise is null ? new JinjaUndefined($"parameter '{parameter}' was not provided")
                    : otherwise.Evaluate(scope);
            }

            scope.Set(parameter, value);
        }

        if (named.Count > 0 && !TakesNamed)
        {
            throw run.Fail($"macro '{name}' has no argument '{named.Keys.First()}'");
        }

        if (TakesCaller)
        {
            scope.Set("caller", caller ?? new JinjaUndefined("No caller defined"));
        }

        if (TakesMore)
        {
            scope.Set("varargs", JinjaList.Tuple([.. arguments.Positional.Skip(Parameters.Count)]));
        }

        if (TakesNamed)
        {
            var more = new JinjaDictionary();
            foreach ((string key, object? value) in named)
            {
                more[key] = value;
            }

            scope.Set("kwargs", more);
        }
    }
}
