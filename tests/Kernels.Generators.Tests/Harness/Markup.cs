using System.Text;
using Microsoft.CodeAnalysis.Text;

namespace Kernels.Generators.Tests.Harness;

/// <summary>A source in which <c>[|…|]</c> marks the places where diagnostics are expected.</summary>
internal sealed record Markup(string Source, IReadOnlyList<TextSpan> Spans)
{
    public static Markup Parse(string text)
    {
        var source = new StringBuilder();
        var spans = new List<TextSpan>();
        int start = -1;
        for (int i = 0; i < text.Length; i++)
        {
            if (i + 1 < text.Length && text[i] == '[' && text[i + 1] == '|')
            {
                start = source.Length;
                i++;
            }
            else if (i + 1 < text.Length && text[i] == '|' && text[i + 1] == ']' && start >= 0)
            {
                spans.Add(TextSpan.FromBounds(start, source.Length));
                start = -1;
                i++;
            }
            else
            {
                source.Append(text[i]);
            }
        }

        return new Markup(source.ToString(), spans);
    }
}
