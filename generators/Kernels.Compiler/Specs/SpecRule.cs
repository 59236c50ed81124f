namespace Kernels.Compiler.Specs;

/// <summary>A rule that a spec must keep. <paramref name="Message"/> is a composite format string.</summary>
internal sealed record SpecRule(string Id, string Title, string Message, RuleSeverity Severity)
{
    public static SpecRule Error(string id, string title, string message) => new(id, title, message, RuleSeverity.Error);

    public static SpecRule Warning(string id, string title, string message) => new(id, title, message, RuleSeverity.Warning);

    public static SpecRule Info(string id, string title, string message) => new(id, title, message, RuleSeverity.Info);

    public static SpecRule OnRequest(string id, string title, string message) => new(id, title, message, RuleSeverity.OnRequest);
}
