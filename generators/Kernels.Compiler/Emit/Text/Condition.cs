namespace Kernels.Compiler.Emit.Text;

/// <summary>What stands behind <c>//: if</c>: names of conditions, <c>!name</c>, joined by <c>and</c>, which binds closer, and <c>or</c>.</summary>
internal static class Condition
{
    private static readonly string[] Or = [" or "], And = [" and "];

    /// <summary>Whether a condition holds; an empty one does.</summary>
    /// <param name="condition">The condition.</param>
    /// <param name="value">Gives the value of a name.</param>
    public static bool Holds(string condition, Func<string, bool> value) => condition.Length == 0
        || condition.Split(Or, StringSplitOptions.None).Any(terms => terms.Split(And, StringSplitOptions.None).All(term =>
        {
            string name = term.Trim();
            return name[0] == '!' ? !value(name[1..]) : value(name);
        }));

    /// <summary>The names of a condition, without what follows a dot.</summary>
    public static IEnumerable<string> Names(string condition) => condition
        .Split([' ', '!'], StringSplitOptions.RemoveEmptyEntries).Where(word => word is not ("and" or "or")).Select(word => word.Split('.')[0]);
}
