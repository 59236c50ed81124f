using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>
/// A template in Jinja, as far as published chat templates use it, with Python's meaning of values. It is interpreted, and bounded in
/// its steps, depth and characters, since it comes with a checkpoint. Thread-safe.
/// </summary>
internal sealed class JinjaTemplate
{
    private readonly List<JinjaStatement> body;
    private readonly HashSet<string> names;

    /// <summary>Reads a template.</summary>
    /// <exception cref="ChatTemplateException">It is not well-formed.</exception>
    public JinjaTemplate(string source)
    {
        (body, JinjaParser parser) = JinjaParser.Parse(source);
        names = parser.Names;
        LoopsOverContent = parser.LoopsOverContent;
    }

    /// <summary>Whether some loop goes through the content of a message, which then may be a list of parts.</summary>
    public bool LoopsOverContent { get; }

    /// <summary>Whether the template reads a variable of this name.</summary>
    public bool Reads(string name) => names.Contains(name);

    /// <summary>Writes the text of some variables.</summary>
    /// <param name="variables">The variables; a template may change their values.</param>
    /// <param name="now">The time that the template is told.</param>
    /// <param name="bytes">Bytes of the variables, on which the bounds depend.</param>
    /// <exception cref="ChatTemplateException">The template refuses them, fails, or does not end.</exception>
    public string Render(IEnumerable<KeyValuePair<string, object?>> variables, DateTime now, long bytes = 0)
    {
        var run = new JinjaRun(now, bytes);
        var scope = new JinjaScope(run);
        foreach ((string name, object? value) in variables)
        {
            scope.Set(name, value);
        }

        JinjaStatement.Execute(body, scope);
        return run.Output.ToString();
    }

    /// <summary>The same of the members of a JSON object.</summary>
    public string Render(JsonElement variables, DateTime now) =>
        Render(
            variables.EnumerateObject().Select(property => KeyValuePair.Create(property.Name, JinjaValue.FromJson(property.Value))), now);
}
