namespace Kernels.Decoding;

/// <summary>The variables of a part of a template, and those around it.</summary>
/// <param name="run">The rendering.</param>
/// <param name="outer">The scope around it; null for the template's own.</param>
internal sealed class JinjaScope(JinjaRun run, JinjaScope? outer = null)
{
    private Dictionary<string, object?>? variables;

    public JinjaRun Run { get; } = run;

    public object? Get(string name)
    {
        for (JinjaScope? scope = this; scope is not null; scope = scope.Outer)
        {
            if (scope.variables?.TryGetValue(name, out object? value) is true)
            {
                return value;
            }
        }

        return JinjaGlobals.All.TryGetValue(name, out JinjaFunction? function) ? function : new JinjaUndefined($"'{name}' is undefined");
    }

    public void Set(string name, object? value) => (variables ??= [])[name] = value;

    private JinjaScope? Outer { get; } = outer;
}
