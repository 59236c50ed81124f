namespace Kernels.Decoding;

/// <summary>The arguments of a call as a template writes them.</summary>
/// <param name="Positional">Those without a name.</param>
/// <param name="Named">Those with one.</param>
/// <param name="List">A list of more: <c>*list</c>.</param>
/// <param name="Mapping">A mapping of more: <c>**mapping</c>.</param>
internal sealed record JinjaCallArguments(
    List<JinjaExpression> Positional,
    List<(string Name, JinjaExpression Value)> Named,
    JinjaExpression? List = null,
    JinjaExpression? Mapping = null)
{
    public static readonly JinjaCallArguments None = new([], []);

    public JinjaArguments Evaluate(JinjaScope scope, JinjaFunction? caller)
    {
        if (Positional.Count == 0 && Named.Count == 0 && List is null && Mapping is null && caller is null)
        {
            return JinjaArguments.None;
        }

        List<object?> positional = [.. Positional.Select(argument => argument.Evaluate(scope))];
        Dictionary<string, object?>? named = null;
        foreach ((string name, JinjaExpression value) in Named)
        {
            (named ??= [])[name] = value.Evaluate(scope);
        }

        if (List is not null)
        {
            positional.AddRange(JinjaValue.Iterate(scope.Run, List.Evaluate(scope)));
        }

        if (Mapping is not null)
        {
            if (Mapping.Evaluate(scope) is not JinjaDictionary mapping)
            {
                throw scope.Run.Fail("the arguments after ** are no mapping");
            }

            scope.Run.Charge(mapping.Count);
            foreach ((object? key, object? value) in mapping.Entries)
            {
                (named ??= [])[key as string ?? throw scope.Run.Fail("the name of an argument is no text")] = value;
            }
        }

        if (caller is not null)
        {
            (named ??= [])["caller"] = caller;
        }

        return new JinjaArguments(positional, named);
    }
}
