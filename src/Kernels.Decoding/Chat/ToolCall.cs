namespace Kernels.Decoding;

/// <summary>A call of a tool that a reply asks for.</summary>
/// <param name="Id">Its name among the calls of a chat.</param>
/// <param name="Name">The tool.</param>
/// <param name="Arguments">An object, as JSON.</param>
internal sealed record ToolCall(string Id, string Name, string Arguments)
{
    public static string NewId() => "call_" + Guid.NewGuid().ToString("N")[..24];
}
