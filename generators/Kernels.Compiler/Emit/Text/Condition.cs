namespace Kernels.Compiler.Emit.Text;

/// <summary>
/// What stands behind <c>//: if</c>: names of conditions, <c>!name</c>, joined by <c>and</c>, which binds closer, and <c>or</c>.
/// </summary>
/// <param name="text">The condition; an empty one holds.</param>
internal sealed class Condition(string text)
{
    private static readonly string[] Or = [" or "], And = [" and "];

    private readonly (string Name, bool IsNegated)[][] alternatives = text.Length == 0 ? [[]] :
    [
        .. text.Split(Or, StringSplitOptions.None).Select(terms => terms.Split(And, StringSplitOptions.None)
            .Select(term => term.Trim() is ['!', ..] negated ? (negated[1..], true) : (term.Trim(), false)).ToArray()),
    ];

    /// <summary>The names, without what follows a dot.</summary>
    public IEnumerable<string> Names => alternatives.SelectMany(terms => terms).Select(term => term.Name.Split('.')[0]);

    /// <summary>Whether it holds.</summary>
    /// <param name="value">Gives the value of a name.</param>
    public bool Holds(Func<string, bool> value) =>
        Array.Exists(alternatives, terms => Array.TrueForAll(terms, term => value(term.Name) != term.IsNegated));
}
