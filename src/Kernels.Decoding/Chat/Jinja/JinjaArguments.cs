namespace Kernels.Decoding;

/// <summary>The arguments of a call, filter or test.</summary>
/// <param name="Positional">Those without a name.</param>
/// <param name="Named">Those with one; null if there are none.</param>
internal sealed record JinjaArguments(List<object?> Positional, Dictionary<string, object?>? Named = null)
{
    public static readonly JinjaArguments None = new([]);

    /// <summary>Stands for an argument that was not given.</summary>
    public static readonly object Absent = new();

    /// <summary>The arguments in the order of their parameters.</summary>
    /// <param name="run">The rendering.</param>
    /// <param name="function">Whose they are, for messages.</param>
    /// <param name="required">How many of the parameters must be given.</param>
    /// <param name="parameters">The parameters.</param>
    public object?[] Bind(JinjaRun run, string function, int required, params ReadOnlySpan<string> parameters)
    {
        if (Positional.Count > parameters.Length)
        {
            throw run.Fail($"{function} takes {parameters.Length} arguments, not {Positional.Count}");
        }

        var values = new object?[parameters.Length];
        Array.Fill(values, Absent);
        Positional.CopyTo(values);
        foreach ((string name, object? value) in Named ?? [])
        {
            int place = parameters.IndexOf(name);
            if (place < 0)
            {
                throw run.Fail($"{function} has no argument '{name}'");
            }

            values[place] = values[place] == Absent ? value : throw run.Fail($"{function} gets its argument '{name}' twice");
        }

        int missing = values.AsSpan(0, required).IndexOf(Absent);
        return missing < 0 ? values : throw run.Fail($"{function} needs an argument '{parameters[missing]}'");
    }
}
