import org.neo4j.server.CommunityBootstrapper;
import org.neo4j.server.NeoBootstrapper;

/** The main class that the packages of Neo4j no longer hold since 2025. */
class Start {
  public static void main(String[] arguments) {
    int status = NeoBootstrapper.start(new CommunityBootstrapper(), arguments);
    if (status != 0) System.exit(status);
  }
}
