import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Apache Kafka's command line tools one after the other in one process, as starting Java for each would take longer
 * than the tools do. Reads a line of JSON per run (main, args, stdin) and answers with one (exit, out, err).
 */
public final class Tools {
    /** What a tool's exit becomes, so that this process lives on. */
    private static final class Exited extends RuntimeException {
        private Exited(int status) {
            super("exit " + status, null, false, false);
        }

        @Override
        public void printStackTrace() {
            // Tools that catch everything print what they caught: it would be taken for an error of theirs.
        }
    }

    /** The first status a tool exits with: who catches everything exits a second time. */
    private static Integer status;
    private static final List<Runnable> hooks = new ArrayList<>();

    public static void main(String[] unused) throws Exception {
        ObjectMapper json = new ObjectMapper();
        PrintStream answers = System.out;
        InputStream given = System.in;
        PrintStream own = System.err;
        Exit.setExitProcedure((status, message) -> exited(status, message));
        Exit.setHaltProcedure((status, message) -> exited(status, message));
        Exit.setShutdownHookAdder((name, hook) -> hooks.add(hook));
        Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> thrown.printStackTrace(own));
        // Once for all: Scala's println keeps the stream that it finds first.
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        BufferedReader lines = new BufferedReader(new InputStreamReader(given, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonNode asked = json.readTree(line);
            String[] args = json.convertValue(asked.get("args"), String[].class);
            out.reset();
            err.reset();
            System.setIn(new ByteArrayInputStream(asked.get("stdin").asText().getBytes(StandardCharsets.UTF_8)));
            int status = run(asked.get("main").asText(), args);
            System.out.flush();
            System.err.flush();
            answers.println(json.writeValueAsString(Map.of(
                "exit", status,
                "out", out.toString(StandardCharsets.UTF_8),
                "err", err.toString(StandardCharsets.UTF_8))));
            answers.flush();
        }
        Exit.resetExitProcedure();
        Exit.resetHaltProcedure();
        Runtime.getRuntime().halt(0);
    }

    private static void exited(int status, String message) {
        if (message != null) {
            System.err.println(message);
        }
        if (Tools.status == null) {
            Tools.status = status;
        }
        throw new Exited(status);
    }

    private static int run(String main, String[] args) throws Exception {
        status = null;
        hooks.clear();
        try {
            Class.forName(main).getMethod("main", String[].class).invoke(null, (Object) args);
        } catch (InvocationTargetException thrown) {
            if (!(thrown.getCause() instanceof Exited)) {
                thrown.getCause().printStackTrace();
                status = status == null ? Integer.valueOf(1) : status;
            }
        }
        for (Runnable hook : List.copyOf(hooks)) {
            Thread running = new Thread(hook);
            running.start();
            running.join();
        }
        return status == null ? 0 : status;
    }
}
